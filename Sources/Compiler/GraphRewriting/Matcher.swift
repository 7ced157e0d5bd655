import GraphIR
import Tensors

/// Why a part of a graph is not what a fusing pass looks for.
struct Mismatch: Error {
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Walks a graph from results to what made them, for passes that recognise a structure.
struct Matcher {
  let graph: Graph
  private let producers: [Int?]
  private let uses: [Int]

  init(_ graph: Graph) {
    self.graph = graph
    producers = graph.producers
    uses = graph.useCounts
  }

  /// A node and its operator as the type that was asked for.
  struct Match<Op: Operator> {
    var op: Op
    var node: Node
    var inputs: [ValueID] { node.inputs }
  }

  /// The node that made `value`, if its operator is an `Op` with `inputs` inputs.
  func find<Op: Operator>(_ value: ValueID, _: Op.Type, inputs: Int) -> Match<Op>? {
    guard let index = producers[value.index], let op = graph.nodes[index].op as? Op,
      graph.nodes[index].inputs.count == inputs
    else { return nil }
    return Match(op: op, node: graph.nodes[index])
  }

  /// Like ``find(_:_:inputs:)``, and `value` must have `uses` uses. Throws ``Mismatch``.
  func match<Op: Operator>(_ value: ValueID, _: Op.Type, inputs: Int, uses expected: Int = 1) throws -> Match<Op> {
    guard let match = find(value, Op.self, inputs: inputs) else {
      let found = producers[value.index].map { graph.nodes[$0].op.label } ?? "no node"
      throw Mismatch("\(Op.name) with \(inputs) inputs expected, \(found) found")
    }
    guard uses[value.index] == expected else {
      throw Mismatch("the result of \(match.node.name) has \(uses[value.index]) uses, expected \(expected)")
    }
    return match
  }

  func unary(_ value: ValueID, _ function: ElementwiseUnary.Function, uses: Int = 1) throws -> ValueID {
    let match = try match(value, ElementwiseUnary.self, inputs: 1, uses: uses)
    try require(match.op.function == function, "\(function.rawValue) expected at \(match.node.name)")
    return match.inputs[0]
  }

  func binary(_ value: ValueID, _ function: ElementwiseBinary.Function) throws -> (ValueID, ValueID) {
    let match = try match(value, ElementwiseBinary.self, inputs: 2)
    try require(match.op.function == function, "\(function.rawValue) expected at \(match.node.name)")
    return (match.inputs[0], match.inputs[1])
  }

  /// Throws ``Mismatch`` unless the values are constants.
  func constants(_ values: [ValueID]) throws {
    for value in values where graph.constant(value) == nil { throw Mismatch("a weight is not a constant") }
  }

  func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Mismatch(reason()) }
  }
}

/// A pass that puts one fused operator in the place of a structure that ends in a node.
protocol FusingPass: Pass {
  /// The operator and its operands for a structure that ends in `node`; nil if `node` cannot be such an end.
  /// Throws ``Mismatch`` when it looks like one and is not.
  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion?
}

/// A fused operator to be; constants may come from the body of a region.
struct Fusion {
  enum Operand {
    case value(ValueID)
    case constant(String, Tensor)
  }

  var op: any Operator
  var operands: [Operand]
}

extension FusingPass {
  static var entersRegions: Bool { false }

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let matcher = Matcher(graph)
    for node in graph.nodes {
      do {
        guard let fusion = try fuse(node, matcher) else { continue }
        let inputs = fusion.operands.map { operand in
          switch operand {
          case .value(let id): id
          case .constant(let name, let tensor): edit.constant(name, tensor)
          }
        }
        try edit.replace(node.outputs[0], with: edit.addOne(fusion.op, inputs, name: node.name))
        edit.applied(node.name, "recognised as \(type(of: fusion.op).name)")
      } catch let mismatch as Mismatch {
        edit.rejected(node.name, mismatch.reason)
      }
    }
    return edit
  }
}
