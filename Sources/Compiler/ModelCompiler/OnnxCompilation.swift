import ExecutionPlan
import GraphCompiler
import OnnxFormat
import Tensors

/// An ONNX model compiled to a plan: to the stages of an EVSSM network where it is one, else node by node.
public struct OnnxCompilation: Sendable {
  package let imported: ImportedGraph
  package let compiled: CompiledPlan
  /// The plan as a runtime takes it.
  public let plan: LoadedPlan

  /// Reads a model and compiles it. The options' windows are ignored: the model has its own.
  ///
  /// - Throws: what `OnnxModel` and `PlanCompiler` throw, with the file as the place.
  public init(path: String, _ options: CompilationOptions = CompilationOptions()) throws {
    do {
      let model = try OnnxModel(path: path)
      let summary = try model.summary()
      imported = try model.imported(.init(followsLinks: options.followsLinks))
      compiled = try PlanCompiler.compile(
        onnx: imported.graph, outputNames: imported.outputNames, model: ModelDescription(summary),
        raises: options.raises, precision: options.precision)
      plan = try compiled.loaded()
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  /// Whether the plan is EVSSM's stages and nothing else.
  public var isRaised: Bool { compiled.plan.graph == nil }

  /// Whether it is the stages and nodes around them.
  package var isEmbedded: Bool { compiled.plan.graph != nil && !compiled.plan.steps.isEmpty }

  /// Nodes that the plan runs one by one, a network's stages counted as one.
  package var nodeCount: Int { compiled.plan.graph?.program.nodes.count ?? 0 }

  /// One line for each rewrite that was applied or rejected.
  public var explanations: [String] { compiled.explanations.map(\.description) }
}
