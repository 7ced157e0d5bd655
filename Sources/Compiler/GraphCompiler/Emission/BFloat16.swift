/// Rounding to bfloat16 as the kernels do it: to the nearest, ties to even, subnormal values to zeros of their sign; a NaN
/// stays a quiet NaN.
enum BFloat16 {
  static func bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    if value.magnitude < .leastNormalMagnitude { return UInt16(truncatingIfNeeded: bits >> 16) & 0x8000 }
    return UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
  }

  /// The nearest value, as a float32.
  static func rounded(_ value: Float) -> Float { Float(bitPattern: UInt32(bits(value)) << 16) }
}
