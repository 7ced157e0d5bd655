import Crypto
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
  /// The largest absolute difference that passes.
  public let tolerance: Float

  /// Throws `plan.certificate` when the numbers contradict each other, and the limit `max_probe_pixels`.
  public init(height: Int, width: Int, seed: UInt64, output: [Float], tolerance: Float) throws {
    guard height > 0, width > 0 else { throw Self.malformed("its probe picture is empty") }
    let pixels = try Checked.multiply(height, width)
    try Limits.check(pixels, atMost: Limits.maxProbePixels, name: "max_probe_pixels", "The probe picture's count of pixels")
    guard output.count == 3 * pixels else {
      throw Self.malformed("\(output.count) values do not fill 3 × \(height) × \(width)")
    }
    guard tolerance > 0, tolerance.isFinite else { throw Self.malformed("its tolerance is \(tolerance)") }
    self.height = height
    self.width = width
    self.seed = seed
    self.output = output
    self.tolerance = tolerance
    outputDigest = output.withUnsafeBytes { Array(SHA256.hash(data: $0)) }
  }

  /// The picture to run.
  public var input: [Float] { ProbePicture.planes(seed: seed, height: height, width: width) }

  public struct Comparison: Sendable, Hashable {
    /// Infinite when the counts differ, or a value is not finite in one output and not the same in the other.
    public let maxDifference: Float
    public let passes: Bool
  }

  /// Compares what this machine computed for ``input`` with the reference.
  public func compare(output other: [Float]) -> Comparison {
    guard other.count == output.count else { return Comparison(maxDifference: .infinity, passes: false) }
    var largest: Float = 0
    for (a, b) in zip(output, other) where a != b && !(a.isNaN && b.isNaN) {
      let difference = abs(a - b)
      largest = difference.isFinite ? max(largest, difference) : .infinity
    }
    return Comparison(maxDifference: largest, passes: largest <= tolerance)
  }

  static func malformed(_ reason: String) -> EVSSMError {
    EVSSMError("plan.certificate", "The certificate is malformed: \(reason). Compile the plan again.")
  }
}
