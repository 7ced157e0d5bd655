import GraphIR

/// How each step is cut: strips and panels that suit the caches, and the order of what is linear.
struct ChooseSchedule: PlanPass {
  static let name = "schedule"

  func decide(_ draft: inout PlanDraft, _ settings: PlanSettings) throws -> [Explanation] {
    var explanations: [Explanation] = []
    for index in draft.stages.indices {
      let stage = draft.stages[index]
      guard let reason = try draft.stages[index].lowering.choose(settings.schedule, draft.operands(stage)) else {
        continue
      }
      explanations.append(explanation(stage, .applied, reason))
    }
    return explanations
  }
}
