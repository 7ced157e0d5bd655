import ExecutionPlan
import Tensors

/// What runs each operation of a plan: the one list of them in the runtime.
enum Executors {
  private static let entries: [Entry] = [
    Entry(PictureConvolutionExecutor.init), Entry(ScanStageExecutor.init), Entry(FeedForwardExecutor.init),
    Entry(HalveConvolutionExecutor.init), Entry(DoubleConvolutionExecutor.executor),
    Entry(OutputConvolutionExecutor.init),
  ]

  /// The executors of all steps. Throws `runtime.operation` for an operation that this runtime does not know.
  static func make(_ context: ExecutorContext) throws -> [any StepExecutor] {
    try context.plan.plan.steps.enumerated().map { index, step in
      var context = context
      context.step = index
      for entry in entries { if let executor = try entry.make(step.operation, context) { return executor } }
      throw EVSSMError(
        "runtime.operation", "This runtime cannot run \(step.operation.label).", category: .internal,
        place: .init(node: step.name))
    }
  }

  /// A type of operation with its executor.
  private struct Entry: Sendable {
    /// Nil for an operation of another type.
    let make: @Sendable (any PlanOperation, ExecutorContext) throws -> (any StepExecutor)?

    init<Operation: PlanOperation>(
      _ make: @escaping @Sendable (Operation, ExecutorContext) throws -> any StepExecutor
    ) {
      self.make = { operation, context in try (operation as? Operation).map { try make($0, context) } }
    }
  }
}
