import ExecutionPlan
import ModelCompiler
import Tensors

/// Plans as the commands that run them open them.
enum OpenedPlan {
  /// Opens the plan at `path`; an ONNX model is compiled first.
  ///
  /// Throws `run.checkpoint` for a checkpoint, which is to be compiled first, and what
  /// ``PlanFile/open(path:trustedKey:)`` throws.
  static func open(_ path: String, _ options: CompilationOptions = CompilationOptions()) throws -> LoadedPlan {
    switch try ModelKind(path: path) {
    case .checkpoint:
      throw EVSSMError(
        "run.checkpoint", "This is a checkpoint, not a plan. Compile it first: evssm compile CHECKPOINT -o OUT.plan.",
        place: .init(file: path))
    case .onnx: return try OnnxCompilation(path: path, options).plan
    case .plan, .unknown: return try PlanFile.open(path: path)
    }
  }
}
