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
    var explanations: [Explanation] = []
    if raises {
      let result = try Pipeline.run(graph, .init(raises: true))
      explanations = result.explanations
      if result.graph.nodes.allSatisfy({ $0.op is any Decomposable }), !result.graph.nodes.isEmpty {
        do { return try compileStages(result, model, precision) } catch let error as EVSSMError {
          explanations.append(Explanation(pass: "raise", .rejected, node: graph.nodes[0].name, error.message))
        }
      }
      let embedded = compileEmbedded(graph, outputNames: outputNames, model, precision, &explanations)
      if let embedded { return embedded }
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
  private static let minimumSide = 20

  /// The plan of a graph that does more than a network in it does; nil when there is none.
  private static func compileEmbedded(
    _ graph: Graph, outputNames: [String], _ model: ModelDescription, _ precision: Precision,
    _ explanations: inout [Explanation]
  ) -> CompiledPlan? {
    for cut in NetworkCut.candidates(graph) {
      do {
        let parts = try cut.parts(graph)
        try Verifier.check(parts.inner, after: RaiseReport.embeddedPass)
        try Verifier.check(parts.outer, after: RaiseReport.embeddedPass)
        let result = try Pipeline.run(parts.inner)
        guard result.graph.nodes.allSatisfy({ $0.op is any Decomposable }), !result.graph.nodes.isEmpty else {
          continue
        }
        var compiled = try TensorGraphEmitter.embed(
          compileStages(result, model, precision), in: parts.outer, outputNames: outputNames)
        compiled.explanations.append(RaiseReport.embedded(in: parts.outer))
        return compiled
      } catch let error as EVSSMError {
        // Whatever is wrong with a part, the whole graph still runs.
        explanations.insert(RaiseReport.notEmbedded(cut, of: graph, error.message), at: 0)
      } catch let mismatch as Mismatch {
        explanations.insert(RaiseReport.notEmbedded(cut, of: graph, mismatch.reason), at: 0)
      } catch {
        return nil
      }
    }
    return nil
  }

  private static func compileStages(
    _ result: Pipeline.Result, _ model: ModelDescription, _ precision: Precision
  ) throws -> CompiledPlan {
    var description = model
    description.minimumSide = max(model.minimumSide, minimumSide)
    let hasWindows = result.graph.nodes.contains { ($0.op as? FusedScanStage)?.windowSide != nil }
    description.windows = hasWindows ? .released : .whole
    let compiled = try emitted(result, description, precision: precision)
    _ = try compiled.loaded()
    return compiled
  }
}
