import ExecutionPlan
import PlanRuntime
import Tensors

/// How far one step's result is from the reference's.
struct StageDifference {
  let name: String
  /// Largest absolute difference; infinite where one side is not a number and the other is.
  let maximum: Double
  /// Largest absolute value of the reference.
  let scale: Double

  /// Tolerance for values of this size: 2e-5 for values up to 1, in proportion beyond.
  var tolerance: Double { Tolerance.close * max(1, scale) }
  var isDivergent: Bool { !(maximum <= tolerance) }

  /// Compares values in the same order.
  init(name: String, reference: some Collection<Float>, result: some Collection<Float>) {
    self.name = name
    var maximum = reference.count == result.count ? 0 : Double.infinity
    var scale = 0.0
    for (expected, found) in zip(reference, result) {
      maximum = max(maximum, Self.distance(Double(expected), Double(found)))
      if expected.isFinite { scale = max(scale, Double(expected.magnitude)) }
    }
    self.maximum = maximum
    self.scale = scale
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
}
