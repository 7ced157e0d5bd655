import Crypto
import Glibc
import Tensors

extension Limits {
  /// Pixels of a certificate's probe picture.
  public static let maxProbePixels = 65_536
}

/// What a plan gives for a probe picture, by a trusted implementation: lets any machine prove that it computes the
/// same.
public struct Certificate: Sendable, Hashable {
  public let height: Int
  public let width: Int
  /// Seed of ``ProbePicture/planes(seed:height:width:)``.
  public let seed: UInt64
  /// The reference output, planar (3, height, width).
  public let output: [Float]
  /// SHA-256 of the output's little-endian bytes.
  public let outputDigest: [UInt8]
  /// How near a run must come.
  public let tier: Tier

  /// How near two outputs are that count as the same, for pictures with values in 0...1.
  public enum Tier: Sendable, Hashable {
    /// float32: the largest absolute difference. Re-orderings of the same arithmetic stay within 2e-5.
    case close(Float)
    /// Matrices in bfloat16: the least peak signal-to-noise ratio, in dB.
    case reduced(decibels: Float)
  }

  /// A certificate in the tier `close`; see ``init(height:width:seed:output:tier:)``.
  public init(height: Int, width: Int, seed: UInt64, output: [Float], tolerance: Float) throws {
    try self.init(height: height, width: width, seed: seed, output: output, tier: .close(tolerance))
  }

  /// Throws `plan.certificate` when the numbers contradict each other, and the limit `max_probe_pixels`.
  public init(height: Int, width: Int, seed: UInt64, output: [Float], tier: Tier) throws {
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
  public var input: [Float] { ProbePicture.planes(seed: seed, height: height, width: width) }

  public struct Comparison: Sendable, Hashable {
    /// Infinite when the counts differ, or a value is not finite in one output and not the same in the other.
    public let maxDifference: Float
    /// Peak signal-to-noise ratio for a peak of 1: infinite for equal outputs, −infinity where `maxDifference` is
    /// infinite.
    public let decibels: Double
    public let passes: Bool
  }

  /// Compares what this machine computed for ``input`` with the reference.
  public func compare(output other: [Float]) -> Comparison {
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
