import ExecutionPlan
import Foundation
import PlanRuntime
import Tensors

/// How far one step's result is from the reference's.
struct StageDifference {
  let name: String
  let precision: Precision
  /// Whether this is the network's result.
  let isResult: Bool
  /// Largest absolute difference; infinite where one side is not a number and the other is.
  let maximum: Double
  /// Root of the mean square of the differences.
  let noise: Double
  /// Largest absolute value of the reference.
  let scale: Double

  /// Compares values in the same order.
  init(
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
  var tolerance: Double { Tolerance.close * max(1, scale) }

  /// The largest value over the noise, in dB; a picture's largest value is 1.
  var decibels: Double { maximum.isFinite ? 20 * log10(max(1, scale) / noise) : -.infinity }

  /// Least signal-to-noise ratio with matrices in bfloat16, in dB.
  var leastDecibels: Double { isResult ? Tolerance.reduced : Tolerance.reducedMap }

  var isDivergent: Bool {
    switch precision {
    case .float32: !(maximum <= tolerance)
    case .bfloat16: !(decibels >= leastDecibels)
    }
  }

  /// What was found and what is allowed, for a table.
  var cells: (found: String, allowed: String) {
    switch precision {
    case .float32: (Format.scientific(maximum), Format.scientific(tolerance))
    case .bfloat16: (Format.decibels(decibels), Format.decibels(leastDecibels))
    }
  }

  private static func distance(_ a: Double, _ b: Double) -> Double {
    if a == b || (a.isNaN && b.isNaN) { return 0 }
    let difference = (a - b).magnitude
    return difference.isNaN ? .infinity : difference
  }
}

/// How far results may lie from the reference, by name.
enum Tolerance {
  /// Absolute, at the network's output in float32: re-orderings of the same arithmetic stay within it, any mistake does
  /// not.
  static let close = 2e-5
  /// Peak signal-to-noise ratio at the network's output with matrices in bfloat16, in dB.
  static let reduced = 50.0
  /// The same for a map on the way there, for a peak of its largest value.
  static let reducedMap = 40.0

  /// What a plan of this precision is held to.
  static func tier(of precision: Precision) -> Certificate.Tier {
    switch precision {
    case .float32: .close(Float(close))
    case .bfloat16: .reduced(decibels: Float(reduced))
    }
  }
}
