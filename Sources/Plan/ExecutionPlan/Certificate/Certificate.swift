import Crypto
import Glibc
import Tensors

extension Limits {
  /// Pixels of a certificate's probe picture.
  package static let maxProbePixels = 65_536
}

/// What a plan gives for a probe picture, by a trusted implementation: lets any machine prove that it computes the
/// same.
package struct Certificate: Sendable, Hashable {
  package let height: Int
  package let width: Int
  /// Seed of ``ProbePicture/planes(seed:height:width:)``.
  package let seed: UInt64
  /// The reference output, planar (3, height, width).
  package let output: [Float]
  /// SHA-256 of the output's little-endian bytes.
  package let outputDigest: [UInt8]
  /// How near a run must come.
  package let tier: Tier

  /// How near two outputs are that count as the same, for pictures with values in 0...1.
  package enum Tier: Sendable, Hashable {
    /// float32: the largest absolute difference. Re-orderings of the same arithmetic stay within 2e-5.
    case close(Float)
    /// Matrices in bfloat16: the least peak signal-to-noise ratio, in dB.
    case reduced(decibels: Float)
  }

  /// A certificate in the tier `close`; see ``init(height:width:seed:output:tier:)``.
  package init(height: Int, width: Int, seed: UInt64, output: [Float], tolerance: Float) throws {
    try self.init(height: height, width: width, seed: seed, output: output, tier: .close(tolerance))
  }

  /// Throws `plan.certificate` when the numbers contradict each other, and the limit `max_probe_pixels`.
  package init(height: Int, width: Int, seed: UInt64, output: [Float], tier: Tier) throws {
    guard height > 0, width > 0 else { throw Self.malformed("its probe picture is empty") }
    let pixels = try Checked.multiply(height, width)
    try Limits.check(
      pixels, atMost: Limits.maxProbePixels, name: "max_probe_pixels", "The probe picture's count of pixels")
    guard output.count == 3 * pixels else {
      throw Self.malformed("\(output.count) values do not fill 3 × \(height) × \(width)")
    }
    let bound =
      switch tier {
      case .close(let tolerance): tolerance;
      case .reduced(let decibels): decibels
      }
    guard bound > 0, bound.isFinite else { throw Self.malformed("its tolerance is \(bound)") }
    self.height = height
    self.width = width
    self.seed = seed
    self.output = output
    self.tier = tier
    outputDigest = output.withUnsafeBytes { Array(SHA256.hash(data: $0)) }
  }

  /// The picture to run.
  package var input: [Float] { ProbePicture.planes(seed: seed, height: height, width: width) }

  package struct Comparison: Sendable, Hashable {
    /// Infinite when the counts differ, or a value is not finite in one output and not the same in the other.
    package let maxDifference: Float
    /// Peak signal-to-noise ratio for a peak of 1: infinite for equal outputs, −infinity where `maxDifference` is
    /// infinite.
    package let decibels: Double
    package let passes: Bool
  }

  /// Compares what this machine computed for ``input`` with the reference.
  package func compare(output other: [Float]) -> Comparison {
    guard other.count == output.count else {
      return Comparison(maxDifference: .infinity, decibels: -.infinity, passes: false)
    }
    var largest: Float = 0
    var squares = 0.0
    for (a, b) in zip(output, other) where a != b && !(a.isNaN && b.isNaN) {
      let difference = abs(a - b)
      largest = difference.isFinite ? max(largest, difference) : .infinity
      squares += Double(difference) * Double(difference)
    }
    let decibels = largest.isFinite ? -10 * log10(squares / Double(output.count)) : -.infinity
    let passes =
      switch tier {
      case .close(let tolerance): largest <= tolerance
      case .reduced(let least): decibels >= Double(least)
      }
    return Comparison(maxDifference: largest, decibels: decibels, passes: passes)
  }

  static func malformed(_ reason: String) -> EVSSMError {
    EVSSMError("plan.certificate", "The certificate is malformed: \(reason). Compile the plan again.")
  }
}
