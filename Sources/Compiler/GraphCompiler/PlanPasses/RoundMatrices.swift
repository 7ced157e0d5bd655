import ExecutionPlan
import GraphIR

/// Matrices in bfloat16, where that is asked for: those of the stages that come late enough on the way down, and of all
/// on the way up.
struct RoundMatrices: PlanPass {
  static let name = "round-matrices"

  private static let early =
    "stays in float32: what is rounded early on the way down goes through all of the network, which makes it larger"

  func decide(_ draft: inout PlanDraft, _ settings: PlanSettings) throws -> [Explanation] {
    guard settings.precision == .bfloat16 else { return [] }
    let late = Self.late(draft.stages.map { type(of: $0.lowering).role })
    return draft.stages.indices.map { index in
      let rounding = type(of: draft.stages[index].lowering).rounding
      guard rounding.isAllowed, late.contains(index) else {
        return explanation(draft.stages[index], .rejected, rounding.isAllowed ? Self.early : rounding.reason)
      }
      draft.stages[index].precision = settings.precision
      return explanation(draft.stages[index], .applied, rounding.reason)
    }
  }

  /// The stages that come late enough to be rounded: in the second half of the first level on the way down, or after the
  /// first halving. What is rounded before that goes through the whole network, and every other stage makes it larger.
  private static func late(_ roles: [StageRole]) -> Set<Int> {
    guard let halving = roles.firstIndex(of: .halving) else { return [] }
    let halves = roles[..<halving].indices.filter { roles[$0] == .halfOfBlock }
    // The first half of the blocks, rounded up, is early.
    let blocks = halves.count / 2
    return Set(halves.dropFirst((blocks + 1) / 2 * 2)).union(roles.indices[(halving + 1)...])
  }
}
