import ExecutionPlan
import ModelCompiler
import TestSupport

extension Golden {
  /// The case's network, compiled with its matrices in `precision`.
  func loadedPlan(precision: Precision = .float32) throws -> LoadedPlan {
    try CheckpointCompilation(catalogue(), CompilationOptions(windows: mode, precision: precision)).plan
  }
}
