import Tensors

/// An EVSSM network among the primitives of a graph: the stages of the plan that holds the graph. It takes a picture
/// (1, 3, H, W) in float32 and gives one of the same size.
///
/// No operator of ONNX, and none that a model can name: compilers put it in the place of what they have recognised, and a
/// session of the plan runs the stages for it.
package struct EmbeddedNetwork: PrimitiveOperator {
  /// The one way to apply it.
  package static let call = PrimitiveCall("evssm.Network", opset: 1, inputs: [true])

  package init() {}

  package func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact] {
    guard inputs.count == 1, let type = inputs[0]?.type, type.dtype == .float32, type.shape.count == 4,
      type.shape[0] == 1, type.shape[1] == 3
    else { throw EVSSMError("graph.type", "A network takes one picture, float32[1, 3, H, W].") }
    return [TensorFact(type)]
  }

  package func evaluate(_ inputs: [Tensor?], into outputs: [TensorTarget?], _ context: PrimitiveContext) throws {
    throw EVSSMError("graph.operator", "An embedded network runs in a session of its plan.", category: .internal)
  }
}
