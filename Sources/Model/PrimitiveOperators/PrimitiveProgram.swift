import Tensors

/// A computation of primitives in static single assignment form, ready to run: a whole graph or the body of a loop.
///
/// Values are numbered; every node comes after those whose results it takes.
package struct PrimitiveProgram: Sendable {
  /// One application of an operator.
  package struct Node: Sendable {
    package var name: String
    package var call: PrimitiveCall
    package var primitive: any PrimitiveOperator
    /// Numbers of the operands that are given, captures after them.
    package var inputs: [Int]
    /// Numbers of the results that are asked for.
    package var outputs: [Int]
    package var bodies: [PrimitiveProgram]
    package var captureCount: Int

    /// Throws `graph.operator` for an operator that is not supported and `graph.attribute` for its attributes.
    package init(
      name: String, call: PrimitiveCall, inputs: [Int], outputs: [Int], bodies: [PrimitiveProgram] = [],
      captureCount: Int = 0
    ) throws {
      self.name = name
      self.call = call
      do { primitive = try PrimitiveRegistry.operator(for: call) } catch let error as EVSSMError {
        throw error.at(.init(node: name))
      }
      self.inputs = inputs
      self.outputs = outputs
      self.bodies = bodies
      self.captureCount = captureCount
    }
  }

  package let valueCount: Int
  package let inputs: [Int]
  package let outputs: [Int]
  package let constants: [Int: Tensor]
  package let nodes: [Node]
  /// For each node the values that nothing after it needs. Constants and outputs stay.
  package let lastUses: [[Int]]

  /// Throws `program.invalid` when a value does not exist, is used before it is defined, or is defined twice, and when
  /// a node does not have the operands that its call names.
  package init(valueCount: Int, inputs: [Int], outputs: [Int], constants: [Int: Tensor], nodes: [Node]) throws {
    try Limits.check(
      valueCount, atMost: Limits.maxProgramValues, name: "max_program_values", "The number of values of a program")
    guard valueCount >= 0 else {
      throw EVSSMError("program.invalid", "The program has \(valueCount) values. Compile it again.")
    }
    self.valueCount = valueCount
    self.inputs = inputs
    self.outputs = outputs
    self.constants = constants
    self.nodes = nodes
    try Self.validate(valueCount, inputs: inputs, outputs: outputs, constants, nodes)
    lastUses = Self.lastUses(outputs, constants, nodes)
  }

  private static func validate(
    _ valueCount: Int, inputs: [Int], outputs: [Int], _ constants: [Int: Tensor], _ nodes: [Node]
  ) throws {
    func invalid(_ what: String, _ node: String? = nil) -> EVSSMError {
      EVSSMError("program.invalid", "The program is malformed: \(what). Compile it again.", place: .init(node: node))
    }
    var defined = [Bool](repeating: false, count: max(valueCount, 0))
    func define(_ value: Int, _ node: String? = nil) throws {
      guard defined.indices.contains(value), !defined[value] else {
        throw invalid("value \(value) does not exist or is defined twice", node)
      }
      defined[value] = true
    }
    func use(_ value: Int, _ node: String? = nil) throws {
      guard defined.indices.contains(value), defined[value] else {
        throw invalid("value \(value) is used before it is defined", node)
      }
    }
    for value in constants.keys { try define(value) }
    for value in inputs { try define(value) }
    for node in nodes {
      for value in node.inputs { try use(value, node.name) }
      for value in node.outputs { try define(value, node.name) }
      guard node.captureCount >= 0, node.inputs.count == node.call.inputs.count(where: { $0 }) + node.captureCount,
        node.outputs.count == node.call.outputs.count(where: { $0 })
      else { throw invalid("a node does not have the operands and results of its call", node.name) }
    }
    for value in outputs { try use(value) }
  }

  private static func lastUses(_ outputs: [Int], _ constants: [Int: Tensor], _ nodes: [Node]) -> [[Int]] {
    var last: [Int: Int] = [:]
    for (i, node) in nodes.enumerated() { for value in node.inputs + node.outputs { last[value] = i } }
    for value in outputs { last[value] = nil }
    for value in constants.keys { last[value] = nil }
    var ends = [[Int]](repeating: [], count: nodes.count)
    for (value, node) in last { ends[node].append(value) }
    return ends.map { $0.sorted() }
  }
}

extension Limits {
  /// Values of a program of primitives.
  package static let maxProgramValues = 4_000_000
}

extension PrimitiveProgram {
  /// What is known of every value when this much is known of the inputs; nil for values of nodes that are left out.
  ///
  /// - Complexity: O(nodes).
  package func facts(_ facts: [TensorFact]) throws -> [TensorFact?] {
    guard facts.count == inputs.count else {
      throw EVSSMError("graph.region", "A program with \(inputs.count) inputs is given \(facts.count).")
    }
    var known = [TensorFact?](repeating: nil, count: valueCount)
    for (value, tensor) in constants { known[value] = TensorFact(tensor) }
    for (value, fact) in zip(inputs, facts) { known[value] = fact }
    for node in nodes {
      for (value, fact) in zip(node.outputs, try node.infer(node.inputs.compactMap { known[$0] })) {
        known[value] = fact
      }
    }
    return known
  }

  /// What is known of the outputs when this much is known of the inputs.
  package func inferOutputs(_ facts: [TensorFact]) throws -> [TensorFact] {
    let known = try self.facts(facts)
    return outputs.compactMap { known[$0] }
  }

  /// The outputs for the inputs. Memory: the values alive.
  package func evaluate(_ arguments: [Tensor]) throws -> [Tensor] {
    guard arguments.count == inputs.count else {
      throw EVSSMError("graph.region", "A program with \(inputs.count) inputs is given \(arguments.count).")
    }
    var alive = [Tensor?](repeating: nil, count: valueCount)
    for (value, tensor) in constants { alive[value] = tensor }
    for (value, tensor) in zip(inputs, arguments) { alive[value] = tensor }
    for (node, ends) in zip(nodes, lastUses) {
      let results = try node.evaluate(node.inputs.compactMap { alive[$0] })
      for (value, result) in zip(node.outputs, results) { alive[value] = result }
      for value in ends { alive[value] = nil }
    }
    return outputs.compactMap { alive[$0] }
  }
}

extension PrimitiveProgram.Node {
  /// The facts of the results that are asked for, for those of the operands. Throws with the node as the place.
  package func infer(_ operands: [TensorFact]) throws -> [TensorFact] {
    let context = InferenceContext(
      outputCount: call.outputs.count, sizePrefix: "?" + name, captureCount: captureCount, region: inferRegion)
    do {
      let facts = try primitive.infer(call.placed(operands), context)
      guard facts.count == call.outputs.count else {
        throw EVSSMError("graph.type", "Operator \(call.type) has \(facts.count) outputs, not \(call.outputs.count).")
      }
      return zip(facts, call.outputs).compactMap { $1 ? $0 : nil }
    } catch let error as EVSSMError {
      throw error.at(.init(node: name))
    }
  }

  @Sendable private func inferRegion(_ index: Int, _ facts: [TensorFact]) throws -> [TensorFact] {
    guard bodies.indices.contains(index) else { return try InferenceContext.noRegion(index, facts) }
    return try bodies[index].inferOutputs(facts)
  }

  /// The results that are asked for. Throws with the node as the place.
  package func evaluate(_ operands: [Tensor]) throws -> [Tensor] {
    let bodies = self.bodies
    let context = PrimitiveContext(captureCount: captureCount) { index, inputs in
      guard bodies.indices.contains(index) else { return try PrimitiveContext.noRegion(index, inputs) }
      return try bodies[index].evaluate(inputs)
    }
    do { return try call.evaluated(primitive, operands, context, region: inferRegion) } catch let error as EVSSMError {
      throw error.at(.init(node: name))
    }
  }
}
