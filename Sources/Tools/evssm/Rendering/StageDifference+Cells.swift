import ModelCompiler

extension StageDifference {
  /// What was found and what is allowed, for a table.
  var cells: (found: String, allowed: String) {
    switch precision {
    case .float32: (Format.scientific(maximum), Format.scientific(tolerance))
    case .bfloat16: (Format.decibels(decibels), Format.decibels(minimumDecibels))
    }
  }
}
