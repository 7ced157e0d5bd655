import GraphIR
import Tensors

/// Why a part of a graph is not what a fusing pass looks for.
package struct Mismatch: Error {
  package var reason: String
  package init(_ reason: String) { self.reason = reason }
}

/// Walks a graph from results to what made them, for passes that recognise a structure.
package struct Matcher {
  package let graph: Graph
  private let producers: [Int?]
  private let uses: [Int]

  package init(_ graph: Graph) {
    self.graph = graph
    producers = graph.producers
    uses = graph.useCounts
  }

  /// A node and its operator as the type that was asked for.
  package struct Match<Op: Operator> {
    package var op: Op
    package var node: Node
    package var inputs: [ValueID] { node.inputs }
  }

  /// The node that made `value`, if its operator is an `Op` with `inputs` inputs.
  package func find<Op: Operator>(_ value: ValueID, _: Op.Type, inputs: Int) -> Match<Op>? {
    guard let index = producers[value.index], let op = graph.nodes[index].op as? Op,
      graph.nodes[index].inputs.count == inputs
    else { return nil }
    return Match(op: op, node: graph.nodes[index])
  }

  /// Like ``find(_:_:inputs:)``, and `value` must have `uses` uses. Throws ``Mismatch``.
  package func match<Op: Operator>(_ value: ValueID, _: Op.Type, inputs: Int, uses expected: Int = 1) throws -> Match<
    Op
  > {
    guard let match = find(value, Op.self, inputs: inputs) else {
      let found = producers[value.index].map { graph.nodes[$0].op.label } ?? "no node"
      throw Mismatch("\(Op.name) with \(inputs) inputs expected, \(found) found")
    }
    guard uses[value.index] == expected else {
      throw Mismatch("the result of \(match.node.name) has \(uses[value.index]) uses, expected \(expected)")
    }
    return match
  }

  package func unary(_ value: ValueID, _ function: ElementwiseUnary.Function, uses: Int = 1) throws -> ValueID {
    let match = try match(value, ElementwiseUnary.self, inputs: 1, uses: uses)
    try require(match.op.function == function, "\(function.rawValue) expected at \(match.node.name)")
    return match.inputs[0]
  }

  package func binary(_ value: ValueID, _ function: ElementwiseBinary.Function) throws -> (ValueID, ValueID) {
    let match = try match(value, ElementwiseBinary.self, inputs: 2)
    try require(match.op.function == function, "\(function.rawValue) expected at \(match.node.name)")
    return (match.inputs[0], match.inputs[1])
  }

  /// Throws ``Mismatch`` unless the values are constants.
  package func constants(_ values: [ValueID]) throws {
    for value in values where graph.constant(value) == nil { throw Mismatch("a weight is not a constant") }
  }

  package func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Mismatch(reason()) }
  }
}
