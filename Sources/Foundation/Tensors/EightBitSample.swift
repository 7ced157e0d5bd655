/// Samples of 8 bits and the values in 0...1 that they stand for.
package enum EightBitSample {
  /// By sample: sample / 255, correctly rounded.
  package static let values: [Float] = (0...255).map { Float($0) / 255 }

  /// The sample for a value: ⌊255 · clamp(value, 0, 1) + ½⌋, and 0 for NaN.
  @inlinable
  @inline(__always)
  package static func rounding(_ value: Float) -> UInt8 {
    // A NaN is not over 0.
    value > 0 ? UInt8(255 * min(value, 1) + 0.5) : 0
  }
}
