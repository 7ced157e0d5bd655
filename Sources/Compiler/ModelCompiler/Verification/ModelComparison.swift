import ExecutionPlan
import GraphIR
import PlanRuntime
import ReferenceInterpreter
import Tensors

/// A plan against the interpreter on the ONNX model that it was compiled from, output by output.
package struct ModelComparison: Sendable {
  package let outputs: [StageDifference]

  /// Runs both on the same inputs. Memory: the values alive in either.
  ///
  /// - Parameter picture: float32 (1, 3, H, W), for graphs that take one; nil: seeded noise.
  /// - Throws: `verify.inputs` when the plan does not take what the model takes, and what both runs throw.
  package init(plan: LoadedPlan, model: OnnxCompilation, picture: Tensor?, workers: Workers) throws {
    let inputs = try Self.inputs(model.imported.graph, picture)
    let expected = try TensorInterpreter(model.imported.graph).run(inputs)
    let found = try Self.run(plan, inputs, workers)
    guard expected.count == found.count else {
      throw EVSSMError(
        "verify.inputs", "The plan has other outputs than this model. Give the model it was compiled from.")
    }
    outputs = zip(model.imported.outputNames, zip(expected, found)).map { name, pair in
      StageDifference(
        name: name, precision: plan.plan.precision, isResult: true, reference: pair.0.floats(), result: pair.1.floats())
    }
  }

  private static func run(_ plan: LoadedPlan, _ inputs: [Tensor], _ workers: Workers) throws -> [Tensor] {
    if plan.plan.graph != nil { return try TensorSession(plan: plan, workers: workers).run(inputs) }
    guard inputs.count == 1, inputs[0].shape.count == 4, inputs[0].shape[1] == 3 else {
      throw EVSSMError("verify.inputs", "The plan takes a picture and the model does not.")
    }
    let (height, width) = (inputs[0].shape[2], inputs[0].shape[3])
    let session = try PlanSession(plan: plan, height: height, width: width, workers: workers)
    return [try Tensor(shape: inputs[0].shape, floats: session.run(inputs[0].floats()))]
  }

  private static func inputs(_ graph: Graph, _ picture: Tensor?) throws -> [Tensor] {
    if let picture { return [picture] }
    let sizes = Self.sizes(graph)
    return try graph.inputs.map { id in
      let type = graph[id].type
      let shape = try type.shape.map { try $0.bound(sizes) }
      guard type.dtype.isFloatingPoint else { return try Tensor(dtype: type.dtype, shape: shape) { _ in } }
      return try Tensor(shape: shape, floats: SeededNoise.values(count: Checked.product(shape))).converted(
        to: type.dtype)
    }
  }

  /// Sizes for the symbols: a small picture's for H and W, 4 for all others.
  private static func sizes(_ graph: Graph) -> SymbolSizes {
    var sizes: SymbolSizes = [:]
    for symbol in graph.inputs.flatMap({ graph[$0].type.shape.compactMap(\.symbol) }) { sizes[symbol] = 4 }
    for (symbol, size) in [("H", 40), ("W", 56)] where sizes[symbol] != nil { sizes[symbol] = size }
    return sizes
  }
}
