/// Bfloat16 values in the kernels' tests, by definition: the high halves of float32.
enum BFloat16 {
  /// Rounded to the nearest, ties to even; subnormal values to zeros of their sign, NaN to a quiet NaN.
  static func bits(_ value: Float) -> UInt16 {
    let high = UInt16(value.bitPattern >> 16), low = value.bitPattern & 0xffff
    if value.isNaN { return high | 0x40 }
    if value.isSubnormal { return high & 0x8000 }
    let isUp = low > 0x8000 || (low == 0x8000 && high & 1 == 1)
    return isUp ? high + 1 : high
  }

  static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// Values as the words of a buffer, two to a word; an odd last one is paired with zero.
  static func words(_ values: [Float]) -> [Float] {
    stride(from: 0, to: values.count, by: 2).map { index in
      let second = index + 1 < values.count ? bits(values[index + 1]) : 0
      return Float(bitPattern: UInt32(bits(values[index])) | UInt32(second) << 16)
    }
  }

  /// The values in a buffer's words.
  static func values(_ words: [Float]) -> [Float] {
    words.flatMap { [value(UInt16($0.bitPattern & 0xffff)), value(UInt16($0.bitPattern >> 16))] }
  }

  /// What results are when they are rounded: one expectation for each value of their words.
  static func rounded(_ expected: [Expected?]) -> [Expected?] {
    expected.map { $0.map(rounded) } + (expected.count % 2 == 1 ? [nil] : [])
  }

  private static func rounded(_ expected: Expected) -> Expected {
    // Half a unit in the last of 7 bits of fraction.
    let largest = abs(expected.value) + expected.error
    return Expected(value: expected.value, error: expected.error + largest * 0x1p-8 + 0x1p-126)
  }

  static func pointer(_ words: UnsafePointer<Float>) -> UnsafePointer<UInt16> {
    UnsafeRawPointer(words).assumingMemoryBound(to: UInt16.self)
  }

  static func pointer(_ words: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(words).assumingMemoryBound(to: UInt16.self)
  }
}
