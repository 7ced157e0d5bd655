import ExecutionPlan
import GraphIR
import PlanRuntime
import ReferenceInterpreter
import Tensors

/// A plan, step by step, against the reference interpreter on the graph of the same stages.
package struct StageComparison: Sendable {
  /// In order of execution.
  package let stages: [StageDifference]

  /// The first step whose result is not the reference's.
  package var firstDivergent: StageDifference? { stages.first(where: \.isDivergent) }

  /// Runs both on one picture. Memory: the plan's maps, each once.
  ///
  /// - Parameters:
  ///   - graph: fused stages whose nodes are named like the plan's steps.
  ///   - picture: float32 (1, 3, H, W).
  /// - Throws: `verify.steps` when the steps are not the graph's nodes, and what both runs throw.
  package init(plan: LoadedPlan, graph: Graph, picture: Tensor, workers: Workers) throws {
    try Self.check(picture)
    let names = plan.plan.steps.map(\.name)
    guard names == graph.nodes.map(\.name) else {
      throw EVSSMError(
        "verify.steps",
        "The plan has other steps than this checkpoint compiles to. Compile it again, or give its checkpoint.")
    }
    let results = try Self.results(of: plan, picture, workers)
    let input = try ReferenceArray<Double>(shape: picture.shape, elements: picture.floats().map(Double.init))
    var stages: [StageDifference] = []
    _ = try Interpreter<Double>(graph).run([input]) { node, output, value in
      guard output == 0, let result = results[node] else { return }
      stages.append(
        StageDifference(
          name: node, precision: plan.plan.precision, isResult: node == names.last,
          reference: value.elements.lazy.map(Float.init), result: result))
    }
    self.stages = stages
  }

  /// Every step's result as planes, by name; that of the last is the picture.
  private static func results(
    of plan: LoadedPlan, _ picture: Tensor, _ workers: Workers
  ) throws -> [String: [Float]] {
    let session = try PlanSession(plan: plan, height: picture.shape[2], width: picture.shape[3], workers: workers)
    var results: [String: [Float]] = [:]
    let restored = try session.run(picture.floats()) { step, map in results[step.name] = map.planes() }
    if let last = plan.plan.steps.last { results[last.name] = restored }
    return results
  }

  private static func check(_ picture: Tensor) throws {
    guard picture.dtype == .float32, picture.shape.count == 4, picture.shape[0] == 1, picture.shape[1] == 3 else {
      throw EVSSMError("verify.inputs", "The picture is not float32 (1, 3, H, W).", category: .internal)
    }
  }
}
