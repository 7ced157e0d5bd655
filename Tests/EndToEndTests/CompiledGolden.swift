import EVSSMModel
import ExecutionPlan
import GraphCompiler
import TestSupport
import Tensors

extension Golden {
  /// The case's network, compiled with its matrices in `precision`.
  func loadedPlan(precision: Precision = .float32) throws -> LoadedPlan {
    let graph = try EVSSMModel.graph(catalogue(), architecture, windows: mode)
    let model = ModelDescription(
      architecture: "EVSSM", hyperparameters: [], parameterCount: try architecture.parameterCount(),
      windows: mode == .released ? .released : .whole, minimumSide: EVSSMArchitecture.minimumSide)
    return try PlanCompiler.compile(graph, model: model, precision: precision).loaded()
  }
}
