import ExecutionPlan
import GraphIR
import PlanRuntime
import ReferenceInterpreter
import Tensors

/// A plan, step by step, against the reference interpreter on the graph of the same stages.
struct StageComparison {
  /// In order of execution.
  let stages: [StageDifference]

  /// The first step whose result is not the reference's.
  var firstDivergent: StageDifference? { stages.first(where: \.isDivergent) }

  /// Runs both on one picture. Memory: the plan's maps, each once.
  ///
  /// - Parameters:
  ///   - graph: fused stages whose nodes are named like the plan's steps.
  ///   - picture: (3, H, W) in float32.
  /// - Throws: `verify.steps` when the steps are not the graph's nodes, and what both runs throw.
  init(plan: LoadedPlan, graph: Graph, picture: PictureData, workers: Workers) throws {
    let names = plan.plan.steps.map(\.name)
    guard names == graph.nodes.map(\.name) else {
      throw EVSSMError(
        "verify.steps",
        "The plan has other steps than this checkpoint compiles to. Compile it again, or give its checkpoint.")
    }
    let results = try Self.results(of: plan, picture, workers)
    let shape = [1, 3, picture.height, picture.width]
    let input = try ReferenceArray<Double>(shape: shape, elements: picture.planes.map(Double.init))
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
    of plan: LoadedPlan, _ picture: PictureData, _ workers: Workers
  ) throws -> [String: [Float]] {
    let session = try PlanSession(plan: plan, height: picture.height, width: picture.width, workers: workers)
    var results: [String: [Float]] = [:]
    let restored = try session.run(picture.planes) { step, map in results[step.name] = map.planes() }
    if let last = plan.plan.steps.last { results[last.name] = restored }
    return results
  }
}
