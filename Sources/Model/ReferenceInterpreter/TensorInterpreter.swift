import GraphIR
import PrimitiveOperators
import Tensors

/// Evaluates a graph of primitives on tensors in the element types that it states: the oracle for ONNX graphs.
///
/// Operators that are no primitives are evaluated by ``Interpreter`` in float64 and rounded to the stated type.
/// Memory: the values alive.
package struct TensorInterpreter: Sendable {
  /// Called with each result: the node's name, the number of the output, the tensor.
  package typealias Observer = (_ node: String, _ output: Int, _ value: Tensor) throws -> Void

  package let graph: Graph
  private let lastUses: [[ValueID]]

  /// Throws `graph.invalid` when the graph breaks a rule of the ``Verifier``.
  package init(_ graph: Graph) throws {
    try Verifier.check(graph, after: "loading into the interpreter")
    self.init(verified: graph)
  }

  init(verified graph: Graph) {
    self.graph = graph
    lastUses = graph.lastUses
  }

  /// Evaluates the graph.
  ///
  /// Throws `interpreter.input` when the inputs are not of the graph's types, and what evaluations and the observer
  /// throw.
  package func run(_ inputs: [Tensor], observer: Observer? = nil) throws -> [Tensor] {
    try run(inputs, outer: [:], observer)
  }

  fileprivate func run(_ inputs: [Tensor], outer: SymbolSizes, _ observer: Observer?) throws -> [Tensor] {
    var sizes = outer
    var alive = [Tensor?](repeating: nil, count: graph.values.count)
    guard inputs.count == graph.inputs.count else { throw mismatch(inputs) }
    for (id, input) in zip(graph.inputs, inputs) {
      guard try graph[id].type.matches(input, &sizes) else { throw mismatch(inputs) }
      alive[id.index] = input
    }
    for (i, node) in graph.nodes.enumerated() {
      let operands = try node.inputs.map { try value($0, alive) }
      let results = try evaluate(node, operands, sizes)
      for (output, (id, result)) in zip(node.outputs, results).enumerated() {
        guard try graph[id].type.matches(result, &sizes) else {
          throw EVSSMError(
            "interpreter.shape",
            "Evaluation gave \(result.dtype.rawValue)\(result.shape), \(graph[id].type) was expected.",
            category: .internal, place: .init(node: node.name))
        }
        alive[id.index] = result
        try observer?(node.name, output, result)
      }
      for id in lastUses[i] { alive[id.index] = nil }
    }
    return try graph.outputs.map { try value($0, alive) }
  }

  private func value(_ id: ValueID, _ alive: [Tensor?]) throws -> Tensor {
    if let tensor = alive[id.index] ?? graph.constant(id) { return tensor }
    throw EVSSMError("graph.order", "\(id) is used before it is defined.", category: .internal)
  }

  private func mismatch(_ inputs: [Tensor]) -> EVSSMError {
    let given = inputs.map { ValueType(of: $0).description }
    return EVSSMError(
      "interpreter.input",
      "The inputs are \(given); the graph takes \(graph.inputs.map { graph[$0].type.description }).",
      category: .usage)
  }

  private func evaluate(_ node: Node, _ operands: [Tensor], _ sizes: SymbolSizes) throws -> [Tensor] {
    do {
      if let primitive = node.op as? Primitive { return try primitive.evaluated(operands, sizes) }
      return try evaluateInDouble(node, operands, sizes)
    } catch let error as EVSSMError {
      throw error.at(.init(node: node.name))
    }
  }

  private func evaluateInDouble(_ node: Node, _ operands: [Tensor], _ sizes: SymbolSizes) throws -> [Tensor] {
    var single = Graph()
    var inputs: [Tensor] = []
    let ids = zip(node.inputs, operands).map { id, operand in
      if let constant = graph.constant(id) { return single.addConstant("", constant) }
      inputs.append(operand)
      return single.addInput("", ValueType(of: operand))
    }
    single.setOutputs(try single.add(node.op, ids, name: node.name))
    let results = try Interpreter<Double>(verified: single).run(
      inputs.map { ReferenceArray<Double>($0) }, sizes: sizes, observer: nil)
    return try zip(results, node.outputs).map { try $0.tensor().converted(to: graph[$1].type.dtype) }
  }
}

extension Primitive {
  /// The results for operands as they are in memory; `sizes` are those of the symbols around the node.
  func evaluated(_ operands: [Tensor], _ sizes: SymbolSizes) throws -> [Tensor] {
    let bodies = self.bodies
    let context = PrimitiveContext(captureCount: captureCount) { index, inputs in
      guard bodies.indices.contains(index) else { return try PrimitiveContext.noRegion(index, inputs) }
      return try TensorInterpreter(verified: bodies[index]).run(inputs, outer: sizes, nil)
    }
    return try call.evaluated(primitive, operands, context, region: inferRegion)
  }
}

extension ValueType {
  /// Whether a tensor is of this type; sizes of symbols that are met for the first time are recorded.
  fileprivate func matches(_ tensor: Tensor, _ sizes: inout SymbolSizes) throws -> Bool {
    guard tensor.dtype == dtype, tensor.shape.count == shape.count else { return false }
    for (expected, actual) in zip(shape, tensor.shape) {
      if let symbol = expected.symbol, sizes[symbol] == nil || symbol.hasPrefix("?") { sizes[symbol] = actual }
    }
    return try zip(shape, tensor.shape).allSatisfy { try $0.bound(sizes) == $1 }
  }
}
