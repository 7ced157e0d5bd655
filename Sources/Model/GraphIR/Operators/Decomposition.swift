import Tensors

/// Builds the graph that a fused operator stands for.
struct Decomposition {
  var graph = Graph()
  private let constants: [Tensor?]
  private var inputs: [Int: ValueID] = [:]

  init(types: [ValueType], constants: [Tensor?]) {
    self.constants = constants
    for (i, type) in types.enumerated() where constants[i] == nil { inputs[i] = graph.addInput("input\(i)", type) }
  }

  /// Operand `index` of the fused operator, as a constant of the graph or one of its inputs.
  mutating func operand(_ index: Int) throws -> ValueID {
    if let id = inputs[index] { return id }
    return graph.addConstant("constant\(index)", try constant(index))
  }

  func constant(_ index: Int) throws -> Tensor {
    guard constants.indices.contains(index), let tensor = constants[index] else {
      throw EVSSMError("graph.constant", "Input \(index) of a fused operator must be a constant.", category: .internal)
    }
    return tensor
  }

  /// Adds a node whose first operands are values and whose last ones are operands of the fused operator.
  mutating func add(
    _ op: any Operator, _ values: [ValueID], _ operands: [Int], _ name: String
  ) throws -> ValueID {
    let weights = try operands.map { try operand($0) }
    return try graph.addOne(op, values + weights, name: name)
  }

  mutating func add(_ op: any Operator, _ values: [ValueID], _ name: String) throws -> ValueID {
    try graph.addOne(op, values, name: name)
  }

  mutating func finished(_ output: ValueID) -> Graph {
    graph.setOutputs([output])
    return graph
  }
}
