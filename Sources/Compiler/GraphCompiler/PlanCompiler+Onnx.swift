import ExecutionPlan
import GraphIR
import Tensors

extension PlanCompiler {
  /// Compiles an ONNX graph: to an EVSSM network's stages where it is one; to the stages and nodes around them where one
  /// is a part of it; else node by node. The explanations say what was recognised and what stood in the way.
  ///
  /// A graph for one size in which EVSSM is recognised becomes a plan for any size, with the windows that the graph shows.
  /// Throws what ``compilePrimitives(_:outputNames:model:)`` throws, and `compile.precision` where another precision than
  /// float32 is asked for and there are no stages.
  /// - Parameters:
  ///   - raises: whether EVSSM is looked for.
  ///   - precision: what the stages' matrices compute in.
  package static func compile(
    onnx graph: Graph, outputNames: [String], model: ModelDescription, raises: Bool = true,
    precision: Precision = .float32
  ) throws -> CompiledPlan {
    let settings = PlanSettings(precision: precision)
    let result = try Pipeline.run(graph, .init(raises: raises))
    var explanations = result.explanations
    do {
      if Pipeline.isMadeOfStages(result.graph) { return try compileStages(result, model, settings) }
      if let compiled = try compileEmbedded(result, outputNames: outputNames, model, settings) { return compiled }
    } catch let error as EVSSMError {
      // A graph of stages may still not be one network: two, one after the other, are not.
      explanations.append(Explanation(pass: "raise", .rejected, node: graph.nodes[0].name, error.message))
      if Pipeline.isMadeOfStages(result.graph) {
        let part = try Pipeline.embedded(graph)
        let embedded = try? compileEmbedded(part, outputNames: outputNames, model, settings)
        if let embedded { return embedded }
        explanations = part.explanations + explanations
      }
    }
    guard precision == .float32 else {
      let reason = explanations.last.map { " \($0.reason.prefix(1).uppercased())\($0.reason.dropFirst())." } ?? ""
      throw EVSSMError(
        "compile.precision",
        "Only EVSSM's stages compute in \(precision.rawValue), and none were recognised. Compile the graph in float32.\(reason)",
        category: .usage)
    }
    var compiled = try compilePrimitives(graph, outputNames: outputNames, model: model)
    compiled.explanations = explanations
    return compiled
  }

  /// The smallest picture that EVSSM's stages run.
  private static let minimumSide = NetworkSizes.minimumSide

  /// The plan of a graph that does more than a network in it does; nil when there is none.
  private static func compileEmbedded(
    _ result: Pipeline.Result, outputNames: [String], _ model: ModelDescription, _ settings: PlanSettings
  ) throws -> CompiledPlan? {
    guard let network = result.graph.nodes.lazy.compactMap({ $0.op as? FusedNetwork }).first else { return nil }
    let inner = Pipeline.Result(graph: network.body, explanations: [], snapshots: [])
    var compiled = try TensorGraphEmitter.embed(
      compileStages(inner, model, settings), in: result.graph, outputNames: outputNames)
    compiled.explanations = result.explanations + compiled.explanations
    return compiled
  }

  private static func compileStages(
    _ result: Pipeline.Result, _ model: ModelDescription, _ settings: PlanSettings
  ) throws -> CompiledPlan {
    var description = model
    description.minimumSide = max(model.minimumSide, minimumSide)
    let hasWindows = result.graph.nodes.contains { Pipeline.lowering(of: $0.op)?.windowSide != nil }
    description.windows = hasWindows ? .released : .whole
    var compiled = try compile(fused: result.graph, model: description, settings)
    compiled.explanations = result.explanations + compiled.explanations
    _ = try compiled.loaded()
    return compiled
  }
}
