import ExecutionPlan
import GraphIR
import Tensors

/// What a plan is compiled for.
package struct PlanSettings: Sendable {
  /// The machine, and what is not left to the cost model.
  package var schedule: Schedule
  /// What the stages' matrices compute in.
  package var precision: Precision

  package init(schedule: Schedule = Schedule(), precision: Precision = .float32) {
    self.schedule = schedule
    self.precision = precision
  }
}

/// An entry of ``Pipeline/plan``: decides something for the steps of a plan, and says why.
package protocol PlanPass: Sendable {
  /// In kebab case, such as `share-maps`.
  static var name: String { get }

  /// What is decided for each stage, in place, and the reasons. Throws what ``StageLowering`` throws.
  func decide(_ draft: inout PlanDraft, _ settings: PlanSettings) throws -> [Explanation]
}

extension PlanPass {
  /// That something was decided for a stage, or left as it was.
  func explanation(_ stage: PlanDraft.Stage, _ verdict: Explanation.Verdict, _ reason: String) -> Explanation {
    Explanation(pass: Self.name, verdict, node: stage.node.name, reason)
  }
}

extension PlanDraft {
  /// The rules of a draft, checked after every pass.
  ///
  /// - it has the stages of its graph, in order
  /// - what a step writes over is read by no later step and is no output of the graph
  /// - only stages whose matrices may be rounded have another precision than float32
  /// - every step that reads a map reads one that an earlier step has made
  ///
  /// Throws `plan.draft`, naming the pass after which a rule was broken.
  /// - Complexity: O(nodes + edges).
  func check(after pass: String) throws {
    func failure(_ stage: Stage?, _ what: String) -> EVSSMError {
      EVSSMError(
        "plan.draft", "After \(pass): \(what). This is a fault of the pass, not of the input.", category: .internal,
        place: .init(node: stage?.node.name))
    }
    guard stages.map(\.node.name) == graph.nodes.map(\.name) else {
      throw failure(nil, "the stages are not those of the graph")
    }
    let lastUses = graph.lastUses
    for (index, stage) in stages.enumerated() {
      if stage.writesOver {
        guard let value = overwritten(by: stage), lastUses[index].contains(value) else {
          throw failure(stage, "the step writes over what is read later")
        }
      }
      if stage.precision != .float32, !type(of: stage.lowering).rounding.isAllowed {
        throw failure(stage, "the step has no matrices in \(stage.precision.rawValue)")
      }
    }
    _ = try maps()
  }
}
