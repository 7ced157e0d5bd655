import ExecutionPlan

/// Chooses how stages are cut into strips: small enough for the caches, large enough that the changes between phases
/// cost little. Recorded in the plan; `compile --explain` shows it.
package struct Schedule: Sendable, Hashable {
  package var target: TargetDescription
  /// Pixels of a scan stage's strip, where the model is not to choose.
  package var scanStripPixels: Int?
  /// Rows of a feed-forward stage's strip (1, 2, 4 or 8), where the model is not to choose.
  package var feedForwardRows: Int?
  /// Columns of its panel (a multiple of 8, at least 16), where the model is not to choose.
  package var feedForwardColumns: Int?

  package init(target: TargetDescription = TargetDescription()) { self.target = target }

  var model: CostModel { CostModel(target: target) }

  static func megabytes(_ bytes: Int) -> String {
    let tenths = (bytes * 10 + (1 << 19)) >> 20
    return "\(tenths / 10).\(tenths % 10) MiB"
  }
}
