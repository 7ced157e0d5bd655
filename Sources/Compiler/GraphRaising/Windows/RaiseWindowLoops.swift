import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// Loops over the windows of a map of any size become windows: in each turn a part is cut out, something is done to it, and
/// the result and a map of ones are added at its place to two sums, whose quotient is taken in the end.
///
/// The sizes of what a Loop adds up cannot be told from its body alone; those of windows can. So this is no ``Edit``: the
/// graph is built anew, and all sizes behind a Loop follow from those before it. It comes first for the same reason.
package struct RaiseWindowLoops: Rewrite {
  package init() {}

  package static let name = "raise-window-loops"

  package func run(_ graph: Graph) throws -> (graph: Graph, changed: Bool, explanations: [Explanation]) {
    var loops = WindowLoops(graph)
    guard let rewritten = try loops.rewritten() else { return (graph, false, loops.explanations) }
    try Verifier.check(rewritten, after: Self.name)
    return (rewritten, true, loops.explanations)
  }
}

/// A graph that is built anew, with windows in place of Loops over them.
private struct WindowLoops {
  let source: Graph
  private(set) var explanations: [Explanation] = []
  private var out = Graph()
  private var new: [ValueID: ValueID] = [:]

  init(_ source: Graph) { self.source = source }

  /// The graph with its windows; nil when no Loop is one over windows, or sizes behind one contradict others.
  mutating func rewritten() throws -> Graph? {
    let quotients = Dictionary(quotients.map { ($0.loop, $0) }) { first, _ in first }
    guard !quotients.isEmpty else { return nil }
    var found: [ValueID: (windows: Windows, operand: ValueID)] = [:]
    for input in source.inputs {
      new[input] = out.addInput(source[input].name, source[input].type, sizes: source[input].sizes)
    }
    do {
      for (index, node) in source.nodes.enumerated() {
        if let quotient = quotients[index], let windows = try windows(node, quotient) {
          found[quotient.result] = windows
        } else if let (windows, operand) = node.outputs.first.flatMap({ found[$0] }) {
          new[node.outputs[0]] = try out.addOne(windows, [operand], name: node.name)
          explanations.append(
            Explanation(
              pass: RaiseWindowLoops.name, .applied, node: node.name,
              "the turns of a Loop are windows of side \(windows.side), averaged"))
        } else {
          try copy(node)
        }
      }
      if found.isEmpty { return nil }
      out.setOutputs(source.outputs.compactMap { new[$0] })
      guard out.outputs.count == source.outputs.count else { return nil }
      return try out.ordered()
    } catch let mismatch as Mismatch {
      explanations.append(
        Explanation(pass: RaiseWindowLoops.name, .rejected, node: source.nodes[0].name, mismatch.reason))
      return nil
    } catch let error as EVSSMError where error.category != .internal {
      explanations.append(
        Explanation(pass: RaiseWindowLoops.name, .rejected, node: source.nodes[0].name, error.message))
      return nil
    }
  }

  // MARK: - Windows

  /// A Loop with two results that are only used as a quotient.
  private struct Quotient {
    var loop: Int
    /// Places of the dividend and the divisor among the Loop's results.
    var sum, cover: Int
    var result: ValueID
  }

  private var quotients: [Quotient] {
    let (producers, uses) = (source.producers, source.useCounts)
    return source.nodes.compactMap { node in
      guard let primitive = node.op as? Primitive, primitive.call.type == "Div", node.inputs.count == 2,
        let loop = producers[node.inputs[0].index], producers[node.inputs[1].index] == loop,
        (source.nodes[loop].op as? Primitive)?.call.type == "Loop", node.inputs.allSatisfy({ uses[$0.index] == 1 }),
        let sum = source.nodes[loop].outputs.firstIndex(of: node.inputs[0]),
        let cover = source.nodes[loop].outputs.firstIndex(of: node.inputs[1]), sum != cover
      else { return nil }
      return Quotient(loop: loop, sum: sum, cover: cover, result: node.outputs[0])
    }
  }

  /// The windows over which a Loop goes, and the map. Nil, with a reason, when it goes over something else.
  private mutating func windows(_ node: Node, _ quotient: Quotient) throws -> (windows: Windows, operand: ValueID)? {
    do { return try recognised(node, quotient) } catch let mismatch as Mismatch {
      explanations.append(Explanation(pass: RaiseWindowLoops.name, .rejected, node: node.name, mismatch.reason))
      return nil
    }
  }

  private func recognised(_ node: Node, _ quotient: Quotient) throws -> (windows: Windows, operand: ValueID) {
    guard let primitive = node.op as? Primitive, let body = primitive.bodies.first, body.outputs.count == 3,
      body.inputs.count == 4 + primitive.captureCount
    else { throw Mismatch("the Loop carries something else than two sums over windows") }
    let inputs = try primitive.call.placed(node.inputs.prefix(node.inputs.count - primitive.captureCount).map { $0 })
    guard inputs.count == 4, let trips = inputs[0].flatMap({ new[$0] }), let sum = inputs[2 + quotient.sum],
      let cover = inputs[2 + quotient.cover]
    else { throw Mismatch("the Loop over windows does not say how many there are") }
    let captured = node.inputs.suffix(primitive.captureCount).map { new[$0] }
    let outer = SizeReader(out)
    let sizes = try captured.map { value in
      try value.flatMap { out[$0].type.dtype == .int64 ? try outer.elements($0) : nil }
    }
    let loop = WindowLoopReader(body, captured: sizes)
    guard loop.goesOn else { throw Mismatch("the Loop over windows may end before all are done") }
    guard let found = try loop.parts(sum: quotient.sum, cover: quotient.cover), let operand = captured[found.capture]
    else {
      throw Mismatch("the Loop does not cut parts out of a map and add up what is done to them")
    }
    let size = out[operand].type.shape
    guard size.count == 4, size[0] == 1, size[1].known != nil, out[operand].type.dtype == .float32 else {
      throw Mismatch("what the Loop goes over is no map")
    }
    try checkStart(sum, [1, found.channels] + size[2...])
    try checkStart(cover, [1, 1] + size[2...])
    guard let side = try loop.side(found, size, outer.constants(of: trips), try outer.element(trips)) else {
      throw Mismatch("the parts that the Loop cuts out do not lie as windows do")
    }
    return (Windows(side: side, body: try loop.windowBody(found, out[operand].type)), operand)
  }

  /// Throws ``Mismatch`` unless a sum begins with zeros of this shape.
  private func checkStart(_ value: ValueID, _ shape: [Dimension]) throws {
    guard let start = new[value], out[start].type.shape == shape, out.fill(start, out.producers) == 0 else {
      throw Mismatch("the sums over windows do not begin with zeros")
    }
  }

  // MARK: - Everything else

  private mutating func copy(_ node: Node) throws {
    let operands = try out.operands(of: node, from: source, &new)
    let op = try retyped(node, operands)
    for (old, made) in zip(node.outputs, try out.add(op, operands, name: node.name)) { new[old] = made }
  }

  /// The operator with bodies that fit the types of its operands.
  private func retyped(_ node: Node, _ operands: [ValueID]) throws -> any Operator {
    guard let primitive = node.op as? Primitive, !primitive.bodies.isEmpty,
      zip(node.inputs, operands).contains(where: { source[$0].type != out[$1].type })
    else { return node.op }
    let types = Dictionary(zip(node.inputs.map { source[$0].type }, operands.map { out[$0].type })) { first, _ in first
    }
    let bodies = try primitive.bodies.map { body in
      let own = body.inputs.count - primitive.captureCount
      let facts = body.inputs.enumerated().map { index, input -> TensorFact in
        if index >= own { return out[operands[operands.count - primitive.captureCount + index - own]].fact }
        // A value that goes round keeps its type, unless it is that of an operand.
        let type = body[input].type
        return TensorFact(primitive.call.type == "Scan" ? type : types[type] ?? type, sizes: body[input].sizes)
      }
      return try body.retyped(facts)
    }
    return primitive.withRegions(bodies)
  }
}

extension Graph {
  /// The same computation on inputs of other types. Throws `graph.type` when an operator is not defined on them.
  fileprivate func retyped(_ facts: [TensorFact]) throws -> Graph {
    var out = Graph()
    var new: [ValueID: ValueID] = [:]
    for (id, fact) in zip(inputs, facts) { new[id] = out.addInput(self[id].name, fact.type, sizes: fact.sizes) }
    for node in nodes {
      let operands = try out.operands(of: node, from: self, &new)
      for (old, made) in zip(node.outputs, try out.add(node.op, operands, name: node.name)) { new[old] = made }
    }
    for output in outputs where new[output] == nil {
      if let tensor = constant(output) { new[output] = out.addConstant(self[output].name, tensor) }
    }
    out.setOutputs(outputs.compactMap { new[$0] })
    return out
  }

  /// The operands that a node of another graph has here: values that were made before, and copies of its constants.
  ///
  /// - Parameter new: this graph's values for those of `source`; gains the constants.
  /// - Throws: ``Mismatch`` when an operand is neither, with `reason`.
  mutating func operands(
    of node: Node, from source: Graph, _ new: inout [ValueID: ValueID],
    reason: String = "a value is read before it is made"
  ) throws -> [ValueID] {
    try node.inputs.map { id in
      if let known = new[id] { return known }
      guard let tensor = source.constant(id) else { throw Mismatch(reason) }
      let constant = addConstant(source[id].name, tensor)
      new[id] = constant
      return constant
    }
  }

  /// The one number that ConstantOfShape or Expand fills a value with.
  func fill(_ value: ValueID, _ producers: [Int?]) -> Double? {
    guard let index = producers[value.index], let primitive = nodes[index].op as? Primitive else { return nil }
    switch primitive.call.type {
    case "ConstantOfShape":
      guard case .tensor(let given)? = primitive.call.attributes["value"] else { return 0 }
      return (try? given.tensor())?.doubles().first
    case "Expand":
      guard let tensor = constant(nodes[index].inputs[0]), tensor.elementCount == 1 else { return nil }
      return tensor.doubles().first
    default: return nil
    }
  }
}
