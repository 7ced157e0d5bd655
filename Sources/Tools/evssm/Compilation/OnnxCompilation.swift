import ExecutionPlan
import GraphCompiler
import GraphIR
import OnnxFormat
import Tensors

/// An ONNX model on its way to a plan.
struct OnnxCompilation {
  let path: String
  let imported: ImportedGraph
  let compiled: CompiledPlan
  let loaded: LoadedPlan

  /// Reads a model and compiles it: to the stages of an EVSSM network where it is one, else node by node.
  ///
  /// Throws what ``OnnxModel`` and ``PlanCompiler`` throw.
  init(path: String, _ settings: OnnxSettings, precision: Precision = .float32) throws {
    self.path = path
    do {
      let model = try OnnxModel(path: path)
      let summary = try model.summary()
      imported = try model.imported(settings.importOptions)
      compiled = try PlanCompiler.compile(
        onnx: imported.graph, outputNames: imported.outputNames, model: ModelDescription(summary),
        raises: settings.raises,
        precision: precision)
      loaded = try compiled.loaded()
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  /// Whether the plan is EVSSM's stages and nothing else.
  var isRaised: Bool { compiled.plan.graph == nil }

  /// Whether it is the stages and nodes around them.
  private var isEmbedded: Bool { compiled.plan.graph != nil && !compiled.plan.steps.isEmpty }

  /// One line for each rewrite that was applied or rejected.
  var explanations: [String] { compiled.explanations.map(\.description) }

  /// One line: what the model is.
  var networkSummary: String {
    let what =
      isRaised
      ? "recognised as EVSSM"
      : isEmbedded
        ? "recognised as EVSSM, nodes around it: \(Format.grouped(nodeCount - 1))"
        : "\(Format.grouped(nodeCount)) nodes"
    let attributes = compiled.plan.model.hyperparameters.map { "\($0.name) \($0.value)" }
    return (["ONNX: \(what)"] + attributes.map { EVSSMError.escaped($0) }).joined(separator: ", ")
  }

  /// Nodes that the plan runs one by one.
  private var nodeCount: Int { compiled.plan.graph?.program.nodes.count ?? 0 }

  var planSummary: String {
    let steps = isRaised ? compiled.plan.steps.count : compiled.plan.steps.count + nodeCount - (isEmbedded ? 1 : 0)
    let precision = compiled.plan.precision == .float32 ? "" : "matrices in \(compiled.plan.precision.rawValue), "
    return "\(Format.grouped(steps)) steps, \(precision)weights \(Format.bytes(compiled.weights.bytes.count))"
  }
}

extension ModelDescription {
  /// What a plan records of the ONNX model it was compiled from.
  init(_ summary: OnnxSummary) {
    let opset = summary.opsets.first { $0.domain == "ai.onnx" }?.version ?? 0
    var attributes = [Attribute(name: "opset", value: String(opset))]
    if !summary.producer.isEmpty {
      attributes.append(Attribute(name: "producer", value: EVSSMError.escaped(summary.producer, limit: 80)))
    }
    self.init(
      architecture: "ONNX", hyperparameters: attributes, parameterCount: summary.parameterCount, windows: .whole,
      minimumSide: 1)
  }
}
