import ExecutionPlan
import Tensors

/// Plans as the commands that run them open them.
enum OpenedPlan {
  /// Opens the plan at `path`.
  ///
  /// Throws `run.checkpoint` for a checkpoint, which is to be compiled first, and what
  /// ``PlanFile/open(path:trustedKey:)`` throws.
  static func open(_ path: String) throws -> LoadedPlan {
    switch try FileKind(path: path) {
    case .torch, .safetensors:
      throw EVSSMError(
        "run.checkpoint", "This is a checkpoint, not a plan. Compile it first: evssm compile CHECKPOINT -o OUT.plan.",
        place: .init(file: path))
    case .plan, .unknown: return try PlanFile.open(path: path)
    }
  }
}
