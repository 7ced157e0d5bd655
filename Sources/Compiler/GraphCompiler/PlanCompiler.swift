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
    let settings = PlanSettings(schedule: schedule, precision: precision)
    let result = try Pipeline.run(graph)
    var compiled = try compile(fused: result.graph, model: model, settings)
    compiled.explanations = result.explanations + compiled.explanations
    return compiled
  }

  /// Compiles a graph of fused operators, by the passes on plans alone.
  ///
  /// Throws `compile.no-kernel` for other operators, and what ``StageLowering`` throws.
  static func compile(fused graph: Graph, model: ModelDescription, _ settings: PlanSettings) throws -> CompiledPlan {
    let (draft, explanations) = try Pipeline.decide(graph, settings)
    var output = try StageEmitter.emit(draft, model)
    output.plan.model.hyperparameters += settings.schedule.target.attributes
    if output.nonFiniteCount > 0 {
      output.plan.model.hyperparameters.append(.init(name: "non_finite_weights", value: "\(output.nonFiniteCount)"))
    }
    let weights = try TensorStorage(byteCount: Checked.multiply(output.weights.count, 4)) { target in
      output.weights.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    return CompiledPlan(
      plan: output.plan, weights: weights, explanations: explanations, fusedGraph: graph,
      nonFiniteWeightCount: output.nonFiniteCount)
  }
}
