import GraphIR
import PrimitiveOperators
import Tensors

/// A graph of ONNX's operators, built by hand.
struct PrimitiveGraph {
  var graph = Graph()
  private var count = 0

  mutating func input(_ name: String, _ type: ValueType) -> ValueID { graph.addInput(name, type) }

  mutating func floats(_ shape: [Int], _ values: [Float]) throws -> ValueID {
    graph.addConstant("weight\(graph.values.count)", try Tensor(shape: shape, floats: values))
  }

  /// An int64 vector, or a scalar.
  mutating func ints(_ values: [Int], isScalar: Bool = false) throws -> ValueID {
    graph.addConstant(
      "ints\(graph.values.count)",
      try Tensor(dtype: .int64, shape: isScalar ? [] : [values.count], integers: values.map { Int64($0) }))
  }

  /// Adds a node; nil stands for an input that is left out.
  mutating func add(
    _ type: String, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:], bodies: [Graph] = [],
    captures: [ValueID] = [], outputs: Int = 1
  ) throws -> [ValueID] {
    count += 1
    let call = PrimitiveCall(
      type, opset: 20, attributes: attributes, inputs: inputs.map { $0 != nil },
      outputs: [Bool](repeating: true, count: outputs))
    let op = try Primitive(call, bodies: bodies, captureCount: captures.count, node: "n\(count)")
    return try graph.add(op, inputs.compactMap { $0 } + captures, name: "\(type)_\(count)")
  }

  mutating func one(_ type: String, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:]) throws
    -> ValueID
  {
    try add(type, inputs, attributes)[0]
  }

  func type(_ value: ValueID) -> ValueType { graph[value].type }
}
