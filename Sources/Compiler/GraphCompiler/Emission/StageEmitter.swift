import ExecutionPlan
import Tensors

/// Packs the weights of a draft and writes its steps. Decides nothing.
enum StageEmitter {
  struct Output {
    var plan: Plan
    /// The weights section, in words.
    var weights: [UInt32]
    /// Packed weights that are NaN or infinite.
    var nonFiniteCount: Int
  }

  /// Throws what ``StageLowering/operation(_:_:_:)`` throws.
  /// - Complexity: O(weights).
  static func emit(_ draft: PlanDraft, _ model: ModelDescription) throws -> Output {
    let maps = try draft.maps()
    var packer = WeightPacker()
    let steps = try draft.stages.map { stage in
      let operation = try stage.lowering.operation(draft.operands(stage), maps.places(of: stage.node), &packer)
      return Step(name: stage.node.name, operation: operation)
    }
    let plan = Plan(model: model, buffers: maps.descriptions, steps: steps, constants: packer.descriptions)
    return Output(plan: plan, weights: packer.payload, nonFiniteCount: packer.nonFiniteCount)
  }
}
