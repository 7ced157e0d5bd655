import EVSSMModel
import ExecutionPlan
import GraphCompiler
import GraphIR
import Tensors

/// A checkpoint on its way to a plan.
struct Compilation {
  let architecture: EVSSMArchitecture
  /// The network as it is written, nothing folded.
  let graph: Graph
  let compiled: CompiledPlan
  let loaded: LoadedPlan

  /// Recognises the network and compiles it.
  ///
  /// Throws `evssm.…` for checkpoints that are not EVSSM's and what ``PlanCompiler`` throws.
  init(
    _ checkpoint: LoadedCheckpoint, windows: EVSSMArchitecture.WindowMode, precision: Precision = .float32
  ) throws {
    do {
      architecture = try EVSSMArchitecture.recognise(checkpoint.catalogue)
      graph = try EVSSMModel.graph(checkpoint.catalogue, architecture, windows: windows)
      compiled = try PlanCompiler.compile(
        graph, model: ModelDescription(architecture, windows: windows), precision: precision)
      loaded = try compiled.loaded()
    } catch let error as EVSSMError { throw error.at(.init(file: checkpoint.path)) }
  }

  /// One line for each rewrite that was applied or rejected.
  var explanations: [String] { compiled.explanations.map(\.description) }

  var networkSummary: String {
    let blocks = architecture.blocks.map(String.init).joined(separator: ", ")
    let parameters = Format.grouped(compiled.plan.model.parameterCount)
    return "EVSSM: dim \(architecture.dim), blocks \(blocks), \(parameters) parameters, "
      + "windows \(compiled.plan.model.windows.rawValue)"
  }

  func planSummary(boundSizes: Int) -> String {
    let sizes = boundSizes == 1 ? "1 size" : "\(boundSizes) sizes"
    let precision = compiled.plan.precision == .float32 ? "" : "matrices in \(compiled.plan.precision.rawValue), "
    return "\(compiled.plan.steps.count) steps, \(precision)weights \(Format.bytes(compiled.weights.bytes.count)), "
      + "\(sizes) bound"
  }
}
