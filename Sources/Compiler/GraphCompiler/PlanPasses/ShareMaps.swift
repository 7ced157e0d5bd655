import GraphIR

/// A step writes over one of its operands where no later step reads it: one map fewer.
struct ShareMaps: PlanPass {
  static let name = "share-maps"

  func decide(_ draft: inout PlanDraft, _ settings: PlanSettings) throws -> [Explanation] {
    var explanations: [Explanation] = []
    let lastUses = draft.graph.lastUses
    for index in draft.stages.indices {
      let stage = draft.stages[index]
      guard let operand = type(of: stage.lowering).overwritable else { continue }
      guard lastUses[index].contains(stage.node.inputs[operand.operand]) else {
        explanations.append(
          explanation(stage, .rejected, "a map of its own: a later step reads the \(operand.name)"))
        continue
      }
      draft.stages[index].writesOver = true
      explanations.append(explanation(stage, .applied, "writes over its \(operand.name), which no later step reads"))
    }
    return explanations
  }
}
