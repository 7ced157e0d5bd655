import PrimitiveOperators
import Tensors

/// A value of a graph: the result of a node, an input, or a constant. An index into ``Graph/values``.
package struct ValueID: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let index: Int
  package init(_ index: Int) { self.index = index }
  package static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
  package var description: String { "%\(index)" }
}

/// What is known about a value.
package struct Value: Sendable {
  package var type: ValueType
  /// The tensor, if the value is a constant. Constants that passes make are float64, so that folding loses nothing.
  package var constant: Tensor?
  /// The name of an input or constant, such as a checkpoint's key; empty for the result of a node.
  package var name: String
  /// The elements of a small integer tensor, in row-major order, where they are known as expressions over the graph's symbols.
  package var sizes: [Dimension]?

  package init(type: ValueType, constant: Tensor? = nil, name: String = "", sizes: [Dimension]? = nil) {
    self.type = type
    self.constant = constant
    self.name = name
    self.sizes = sizes
  }

  package init(_ fact: TensorFact) { self.init(type: fact.type, sizes: fact.sizes) }

  /// What an operator may know of the value.
  package var fact: TensorFact { TensorFact(type, constant: constant, sizes: sizes) }
}

/// One application of an operator.
package struct Node: Sendable {
  /// Unique in the graph; a path through the model, such as `encoder_level1.block0.scan_stage`.
  package var name: String
  package var op: any Operator
  package var inputs: [ValueID]
  package var outputs: [ValueID]

  package init(name: String, op: any Operator, inputs: [ValueID], outputs: [ValueID]) {
    self.name = name
    self.op = op
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// A computation in static single assignment form over tensors whose sizes may be symbolic.
///
/// Nodes are kept in topological order. A graph is a value: passes describe an ``Edit`` and get a new graph.
package struct Graph: Sendable {
  package internal(set) var values: [Value] = []
  package internal(set) var inputs: [ValueID] = []
  package internal(set) var outputs: [ValueID] = []
  package internal(set) var nodes: [Node] = []

  /// An empty graph, to be filled with ``addInput(_:_:)``, ``addConstant(_:_:)`` and ``add(_:_:name:)``.
  package init() {}

  /// Parts as they are; run the ``Verifier`` on the result.
  package init(values: [Value], inputs: [ValueID], outputs: [ValueID], nodes: [Node]) {
    self.values = values
    self.inputs = inputs
    self.outputs = outputs
    self.nodes = nodes
  }

  package subscript(id: ValueID) -> Value { values[id.index] }

  /// The tensor of a constant, nil for any other value.
  package func constant(_ id: ValueID) -> Tensor? { values[id.index].constant }
}

extension Graph {
  /// Declares the next input.
  /// - Parameter sizes: see ``Value/sizes``.
  package mutating func addInput(_ name: String, _ type: ValueType, sizes: [Dimension]? = nil) -> ValueID {
    values.append(Value(type: type, name: name, sizes: sizes))
    inputs.append(ValueID(values.count - 1))
    return ValueID(values.count - 1)
  }

  /// Adds a constant.
  package mutating func addConstant(_ name: String, _ tensor: Tensor) -> ValueID {
    values.append(Value(type: ValueType(of: tensor), constant: tensor, name: name))
    return ValueID(values.count - 1)
  }

  /// Appends a node and returns its outputs. Throws when the operator is not defined on the inputs.
  package mutating func add(_ op: any Operator, _ operands: [ValueID], name: String) throws -> [ValueID] {
    let facts = try op.infer(operands.map { values[$0.index].fact })
    let results = facts.indices.map { ValueID(values.count + $0) }
    values += facts.map { Value($0) }
    nodes.append(Node(name: name, op: op, inputs: operands, outputs: results))
    return results
  }

  /// Appends a node with one output.
  package mutating func addOne(_ op: any Operator, _ operands: [ValueID], name: String) throws -> ValueID {
    let results = try add(op, operands, name: name)
    guard results.count == 1 else {
      throw EVSSMError(
        "graph.outputs", "One output was expected and there are \(results.count).", category: .internal,
        place: .init(node: name))
    }
    return results[0]
  }

  /// Declares the outputs.
  package mutating func setOutputs(_ outputs: [ValueID]) { self.outputs = outputs }
}
