import ExecutionPlan
import GraphIR
import Tensors

/// A plan with its packed weights, and how it came about.
package struct CompiledPlan: Sendable {
  package var plan: Plan
  package var weights: TensorStorage
  /// What each pass did and left undone, in order, and how each step was scheduled.
  package var explanations: [Explanation]
  /// The graph of fused stages that the plan runs; its nodes are named like the plan's steps.
  package var fusedGraph: Graph
  /// Packed weights that are NaN or infinite. Such a plan runs, and its description says so.
  package var nonFiniteWeightCount: Int

  /// The plan as a runtime takes it, without a file. Throws what ``PlanValidator`` throws.
  package func loaded() throws -> LoadedPlan { try LoadedPlan(plan: plan, weights: weights) }
}

/// Graph in, plan out: the passes of ``Pipeline``, then emission.
package enum PlanCompiler {
  /// Compiles a graph of one picture input and one picture output, its matrices in `precision`.
  ///
  /// Throws what ``Pipeline/run(_:_:)`` throws, and `compile.no-kernel` for stages that have none.
  /// - Complexity: O(weights); a few copies of the weights are alive at a time.
  package static func compile(
    _ graph: Graph, model: ModelDescription, schedule: Schedule = Schedule(), precision: Precision = .float32
  ) throws -> CompiledPlan {
    try emitted(Pipeline.run(graph), model, schedule: schedule, precision: precision)
  }

  /// The plan of a graph of stages.
  static func emitted(
    _ result: Pipeline.Result, _ model: ModelDescription, schedule: Schedule = Schedule(),
    precision: Precision = .float32
  ) throws -> CompiledPlan {
    var emitter = Emitter(result.graph, schedule: schedule, precision: precision)
    var (plan, words) = try emitter.emit(model)
    plan.model.hyperparameters += schedule.target.attributes
    let nonFinite = emitter.packer.nonFiniteCount
    if nonFinite > 0 { plan.model.hyperparameters.append(.init(name: "non_finite_weights", value: "\(nonFinite)")) }
    let weights = try TensorStorage(byteCount: Checked.multiply(words.count, 4)) { target in
      words.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    words = []
    return CompiledPlan(
      plan: plan, weights: weights,
      explanations: result.explanations + emitter.explanations + emitter.precisionExplanations,
      fusedGraph: result.graph,
      nonFiniteWeightCount: nonFinite)
  }
}
