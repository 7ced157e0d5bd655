@testable import PrimitiveOperators
import Tensors

/// Applies an operator to tensors, as an evaluation of a graph does.
func apply(
  _ type: String, opset: Int = 22, _ attributes: [String: AttributeValue], _ inputs: [Tensor?], outputs: Int = 1
) throws -> [Tensor] {
  let call = PrimitiveCall(
    type, opset: opset, attributes: attributes, inputs: inputs.map { $0 != nil },
    outputs: Array(repeating: true, count: outputs))
  let op = try PrimitiveRegistry.operator(for: call)
  let facts = try op.infer(inputs.map { $0.map { TensorFact($0) } }, InferenceContext(outputCount: outputs))
  let results = try call.evaluated(op, inputs.compactMap { $0 })
  // Types that were inferred from the inputs are those of the results.
  for (fact, result) in zip(facts, results) {
    guard fact.type.dtype == result.dtype, fact.type.shape.count == result.shape.count,
      zip(fact.type.shape, result.shape).allSatisfy({ $0.isUnknown || $0.known == $1 })
    else { throw EVSSMError("test.types", "\(type) infers \(fact.type) and gives \(result.dtype)\(result.shape).") }
  }
  return results
}

/// The types that an operator infers from types and known sizes.
func infer(
  _ type: String, opset: Int = 22, _ attributes: [String: AttributeValue], _ inputs: [TensorFact?], outputs: Int = 1
) throws -> [TensorFact] {
  let call = PrimitiveCall(
    type, opset: opset, attributes: attributes, inputs: inputs.map { $0 != nil },
    outputs: Array(repeating: true, count: outputs))
  return try PrimitiveRegistry.operator(for: call).infer(inputs, InferenceContext(outputCount: outputs))
}

func apply(_ type: String, opset: Int = 22, _ inputs: [Tensor?], outputs: Int = 1) throws -> [Tensor] {
  try apply(type, opset: opset, [:], inputs, outputs: outputs)
}

func infer(_ type: String, opset: Int = 22, _ inputs: [TensorFact?], outputs: Int = 1) throws -> [TensorFact] {
  try infer(type, opset: opset, [:], inputs, outputs: outputs)
}

func floats(_ shape: [Int], _ values: [Double]) throws -> Tensor {
  try Tensor(dtype: .float32, shape: shape, reals: values)
}
func ints(_ shape: [Int], _ values: [Int64]) throws -> Tensor {
  try Tensor(dtype: .int64, shape: shape, integers: values)
}
func ints(_ values: Int64...) throws -> Tensor { try ints([values.count], values) }

/// Runs 0, 1, 2, … of a shape.
func ramp(_ shape: Int...) throws -> Tensor { try floats(shape, (0..<shape.reduce(1, *)).map { Double($0) }) }

/// The code of the error that `body` throws.
func refusal(_ body: () throws -> Void) -> String? {
  do { try body() } catch let error as EVSSMError { return error.code.rawValue } catch { return "other" }
  return nil
}
