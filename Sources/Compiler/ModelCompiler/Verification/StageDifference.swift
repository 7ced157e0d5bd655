import ExecutionPlan
import Foundation

/// How far one step's result is from the reference's.
package struct StageDifference: Sendable {
  package let name: String
  package let precision: Precision
  /// Whether this is the network's result.
  package let isResult: Bool
  /// Largest absolute difference; infinite where one side is not a number and the other is.
  package let maximum: Double
  /// Root of the mean square of the differences.
  package let noise: Double
  /// Largest absolute value of the reference.
  package let scale: Double

  /// Compares values in the same order.
  package init(
    name: String, precision: Precision = .float32, isResult: Bool = false, reference: some Collection<Float>,
    result: some Collection<Float>
  ) {
    self.name = name
    self.precision = precision
    self.isResult = isResult
    var maximum = reference.count == result.count ? 0 : Double.infinity
    var scale = 0.0
    var squares = 0.0
    for (expected, found) in zip(reference, result) {
      let distance = Self.distance(Double(expected), Double(found))
      maximum = max(maximum, distance)
      squares += distance * distance
      if expected.isFinite { scale = max(scale, Double(expected.magnitude)) }
    }
    self.maximum = maximum
    self.scale = scale
    noise = (squares / Double(max(reference.count, 1))).squareRoot()
  }

  /// Largest difference that values of this size may have in float32: 2e-5 for values up to 1, in proportion beyond.
  package var tolerance: Double { Tolerance.close * max(1, scale) }

  /// The largest value over the noise, in dB; a picture's largest value is 1.
  package var decibels: Double { maximum.isFinite ? 20 * log10(max(1, scale) / noise) : -.infinity }

  /// Least signal-to-noise ratio with matrices in bfloat16, in dB.
  package var minimumDecibels: Double { isResult ? Tolerance.reduced : Tolerance.reducedMap }

  package var isDivergent: Bool {
    switch precision {
    case .float32: !(maximum <= tolerance)
    case .bfloat16: !(decibels >= minimumDecibels)
    }
  }

  private static func distance(_ a: Double, _ b: Double) -> Double {
    if a == b || (a.isNaN && b.isNaN) { return 0 }
    let difference = (a - b).magnitude
    return difference.isNaN ? .infinity : difference
  }
}
