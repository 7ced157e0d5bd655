import EVSSMModel
import ExecutionPlan
import GraphCompiler
import GraphIR
import Tensors

/// A checkpoint compiled to a plan.
public struct CheckpointCompilation: Sendable {
  package let architecture: EVSSMArchitecture
  /// The network as it is written, nothing folded.
  package let graph: Graph
  package let compiled: CompiledPlan
  /// The plan as a runtime takes it.
  public let plan: LoadedPlan

  /// Recognises the network and compiles it.
  ///
  /// - Throws: `evssm.…` for checkpoints that are not EVSSM's, and what `PlanCompiler` throws, with the checkpoint as
  ///   the place.
  /// - Complexity: O(weights); a few copies of the weights are alive at a time.
  public init(_ checkpoint: Checkpoint, _ options: CompilationOptions = CompilationOptions()) throws {
    do { try self.init(checkpoint.catalogue, options) } catch let error as EVSSMError {
      throw error.at(.init(file: checkpoint.path))
    }
  }

  /// Recognises the network of a state dict and compiles it, like ``init(_:_:)``.
  package init(_ catalogue: TensorCatalogue, _ options: CompilationOptions = CompilationOptions()) throws {
    architecture = try EVSSMArchitecture.recognise(catalogue)
    graph = try EVSSMModel.graph(catalogue, architecture, windows: options.windows)
    compiled = try PlanCompiler.compile(
      graph, model: ModelDescription(architecture, windows: options.windows), precision: options.precision)
    plan = try compiled.loaded()
  }

  /// One line for each rewrite that was applied or rejected.
  public var explanations: [String] { compiled.explanations.map(\.description) }
}
