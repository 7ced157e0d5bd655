import GraphIR
import Tensors

extension Limits {
  /// Elements of one value that the reference interpreter evaluates.
  package static let maxReferenceElements = 1 << 31
}

/// Evaluates any graph, node by node, in the precision `Scalar`: the oracle for everything that is faster.
///
/// Slow and plain: maps are (1, C, H, W), matrices go through BLAS, all else is loops. Memory: the values alive.
package struct Interpreter<Scalar: ReferenceScalar>: Sendable {
  /// Called with each result: the node's name, the number of the output, the array.
  package typealias Observer = (_ node: String, _ output: Int, _ value: ReferenceArray<Scalar>) throws -> Void

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
  /// Throws `interpreter.input` when the inputs do not have the graph's shapes, `interpreter.operator` for an
  /// operator without an evaluation, `limit.exceeded` for a value that is too large, and what the observer throws.
  package func run(_ inputs: [ReferenceArray<Scalar>], observer: Observer? = nil) throws -> [ReferenceArray<Scalar>] {
    try run(inputs, sizes: [:], observer: observer)
  }

  /// Like ``run(_:observer:)``, on tensors.
  package func run(_ inputs: [Tensor]) throws -> [Tensor] {
    try run(inputs.map { ReferenceArray<Scalar>($0) }).map { try $0.tensor() }
  }

  func run(
    _ inputs: [ReferenceArray<Scalar>], sizes outer: SymbolSizes, observer: Observer?
  ) throws -> [ReferenceArray<Scalar>] {
    let sizes = try bind(inputs, outer)
    var alive = [ReferenceArray<Scalar>?](repeating: nil, count: graph.values.count)
    for (id, input) in zip(graph.inputs, inputs) { alive[id.index] = input }
    for (i, node) in graph.nodes.enumerated() {
      let operands = try node.inputs.map { id in
        guard let value = alive[id.index] ?? graph.constant(id).map(ReferenceArray.init) else {
          throw EVSSMError("graph.order", "\(id) is used before it is defined.", category: .internal)
        }
        return value
      }
      let results = try evaluate(node, operands, sizes)
      for (output, (id, result)) in zip(node.outputs, results).enumerated() {
        alive[id.index] = result
        try observer?(node.name, output, result)
      }
      for id in lastUses[i] { alive[id.index] = nil }
    }
    return try graph.outputs.map { id in
      guard let value = alive[id.index] ?? graph.constant(id).map(ReferenceArray.init) else {
        throw EVSSMError("graph.order", "Output \(id) is never defined.", category: .internal)
      }
      return value
    }
  }

  private func evaluate(
    _ node: Node, _ operands: [ReferenceArray<Scalar>], _ sizes: SymbolSizes
  ) throws -> [ReferenceArray<Scalar>] {
    let place = EVSSMError.Place(node: node.name)
    do {
      let shapes = try node.outputs.map { try shape(of: $0, sizes) }
      let results: [ReferenceArray<Scalar>]
      if let op = node.op as? any Evaluable {
        results = try op.evaluate(operands, EvaluationContext(sizes: sizes, shapes: shapes))
      } else if let op = node.op as? any Decomposable {
        results = try evaluate(op, node, operands, sizes)
      } else if let op = node.op as? Primitive {
        let tensors = try zip(node.inputs, operands).map {
          try graph.constant($0) ?? $1.tensor(as: graph[$0].type.dtype)
        }
        results = try op.evaluated(tensors, sizes).map { ReferenceArray($0) }
      } else {
        throw EVSSMError(
          "interpreter.operator", "The interpreter has no evaluation of \(node.op.label).", category: .internal
        )
      }
      guard results.map(\.shape) == shapes else {
        throw EVSSMError(
          "interpreter.shape", "Evaluation gave shapes \(results.map(\.shape)), types say \(shapes).",
          category: .internal)
      }
      return results
    } catch let error as EVSSMError {
      throw error.at(place)
    }
  }

  private func evaluate(
    _ op: any Decomposable, _ node: Node, _ operands: [ReferenceArray<Scalar>], _ sizes: SymbolSizes
  ) throws -> [ReferenceArray<Scalar>] {
    let constants = node.inputs.map { graph.constant($0) }
    let parts = try op.decomposition(types: node.inputs.map { graph[$0].type }, constants: constants)
    let variables = zip(operands, constants).filter { $0.1 == nil }.map(\.0)
    return try Interpreter(verified: parts).run(variables, sizes: sizes, observer: nil)
  }

  private func shape(of id: ValueID, _ sizes: SymbolSizes) throws -> [Int] {
    let shape = try graph[id].type.shape.map { try $0.bound(sizes) }
    guard shape.allSatisfy({ $0 >= 0 }) else {
      throw EVSSMError("interpreter.input", "At these sizes a value has the shape \(shape).", category: .usage)
    }
    try Limits.check(
      Checked.product(shape), atMost: Limits.maxReferenceElements, name: "max_reference_elements",
      "The number of elements of a value")
    return shape
  }

  /// Sizes for the symbols from the inputs' shapes; all other sizes must agree.
  private func bind(_ inputs: [ReferenceArray<Scalar>], _ outer: SymbolSizes) throws -> SymbolSizes {
    var sizes = outer
    func mismatch() -> EVSSMError {
      let types = graph.inputs.map { graph[$0].type.description }
      return EVSSMError(
        "interpreter.input", "The inputs have shapes \(inputs.map(\.shape)); the graph takes \(types).",
        category: .usage)
    }
    guard inputs.count == graph.inputs.count else { throw mismatch() }
    let pairs = zip(graph.inputs, inputs).map { (graph[$0].type.shape, $1.shape) }
    guard pairs.allSatisfy({ $0.count == $1.count }) else { throw mismatch() }
    for (expected, actual) in pairs {
      for (dimension, size) in zip(expected, actual) {
        if let symbol = dimension.symbol, outer[symbol] == nil, sizes.updateValue(size, forKey: symbol) ?? size != size
        {
          throw mismatch()
        }
      }
    }
    for (expected, actual) in pairs {
      for (dimension, size) in zip(expected, actual) where try dimension.bound(sizes) != size { throw mismatch() }
    }
    return sizes
  }
}
