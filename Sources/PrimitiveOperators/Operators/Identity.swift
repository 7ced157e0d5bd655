import Tensors

/// Its input.
struct Identity: PrimitiveOperator {
  init(_ call: PrimitiveCall) throws {}

  func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact] {
    guard inputs.count == 1, let input = inputs[0] else {
      throw EVSSMError("graph.type", "Identity takes one input, not \(inputs.count).")
    }
    return [TensorFact(input.type, sizes: input.sizes)]
  }

  func evaluate(_ inputs: [Tensor?], into outputs: [TensorTarget?], _ context: PrimitiveContext) throws {
    guard let input = inputs[0], let target = outputs[0] else { return }
    input.withUnsafeBytes { target.bytes.copyMemory(from: $0) }
  }
}
