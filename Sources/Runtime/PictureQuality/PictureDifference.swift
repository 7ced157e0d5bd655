import Imaging
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How far two pictures, or two arrays of the same size, are apart.
package struct PictureDifference: Sendable, Hashable {
  /// Largest absolute difference, in the units of the samples; infinite where one side is NaN and the other is not.
  package let maximum: Double
  /// Mean absolute difference, in the units of the samples.
  package let mean: Double
  /// Peak signal-to-noise ratio in dB, 10 · log₁₀(peak² / mean squared difference); infinite for equal samples.
  package let psnr: Double

  /// Over the RGB samples in 8 bits; units and peak are 255.
  /// - Throws: `picture.size-mismatch` when the sizes differ.
  package init(_ a: Picture, _ b: Picture) throws {
    guard a.width == b.width, a.height == b.height else {
      throw EVSSMError(
        "picture.size-mismatch",
        "A picture of \(a.width) by \(a.height) cannot be compared with one of \(b.width) by \(b.height).")
    }
    self = try a.rgb.withUnsafeBufferPointer { a in
      try b.rgb.withUnsafeBufferPointer { b in
        try PictureDifference(a.count, b.count, peak: 255) { abs(Double(a[$0]) - Double(b[$0])) }
      }
    }
  }

  /// Over two arrays of the same count.
  /// - Parameter peak: the largest value a sample is meant to have.
  /// - Throws: `picture.size-mismatch` when the counts differ.
  package init(_ a: [Float], _ b: [Float], peak: Double = 1) throws {
    self = try a.withUnsafeBufferPointer { a in
      try b.withUnsafeBufferPointer { b in
        try PictureDifference(a.count, b.count, peak: peak) { Self.distance(a[$0], b[$0]) }
      }
    }
  }

  private static func distance(_ a: Float, _ b: Float) -> Double {
    if a == b || (a.isNaN && b.isNaN) { return 0 }
    let difference = abs(Double(a) - Double(b))
    return difference.isNaN ? .infinity : difference
  }

  @inline(__always)
  private init(_ count: Int, _ otherCount: Int, peak: Double, _ distance: (Int) -> Double) throws {
    guard count == otherCount else {
      throw EVSSMError("picture.size-mismatch", "\(count) values cannot be compared with \(otherCount).")
    }
    var (largest, sum, squares) = (0.0, 0.0, 0.0)
    for index in 0..<count {
      let value = distance(index)
      largest = max(largest, value)
      sum += value
      squares += value * value
    }
    maximum = largest
    mean = count == 0 ? 0 : sum / Double(count)
    psnr = squares == 0 ? .infinity : 10 * log10(peak * peak * Double(count) / squares)
  }
}
