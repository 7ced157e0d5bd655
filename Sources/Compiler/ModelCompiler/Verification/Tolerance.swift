import ExecutionPlan

/// How far results may lie from the reference, by name.
package enum Tolerance {
  /// Absolute, at the network's output in float32: re-orderings of the same arithmetic stay within it, any mistake does
  /// not.
  package static let close = 2e-5
  /// Peak signal-to-noise ratio at the network's output with matrices in bfloat16, in dB.
  package static let reduced = 50.0
  /// The same for a map on the way there, for a peak of its largest value.
  package static let reducedMap = 40.0

  /// What a plan of this precision is held to.
  package static func tier(of precision: Precision) -> Certificate.Tier {
    switch precision {
    case .float32: .close(Float(close))
    case .bfloat16: .reduced(decibels: Float(reduced))
    }
  }
}
