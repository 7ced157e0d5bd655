import COnnxProto
import GraphIR
import PrimitiveOperators
import Tensors

/// Operators with graphs of their own: If, Loop and Scan.
extension NodeImporter {
  /// If: one of two graphs. With a constant condition it is that graph's nodes.
  func branch(_ node: OnnxNode, _ attributes: NodeAttributes) throws {
    guard node.inputs.count == 1 else { throw EVSSMError("onnx.inputs", "If takes one input, the condition.") }
    let condition = try operand(node, 0)
    let names = ["then_branch", "else_branch"]
    try checkAttributes(attributes, names)
    let bodies = try names.map(attributes.graph)
    for body in bodies where !body.inputs.isEmpty || Int(body.pointee.n_output) != node.outputs.count {
      throw EVSSMError("onnx.outputs", "A branch of If has inputs, or not as many outputs as the node.")
    }
    if let constant = graph.constant(condition), constant.dtype == .bool, constant.elementCount == 1 {
      return try inline(bodies[constant.isTrue ? 0 : 1], node)
    }
    let captures = try capturedValues(bodies)
    let graphs = try bodies.map { try self.body($0, formal: [], captures) }
    let call = try makeCall(node, attributes)
    let op = try Primitive(call, bodies: graphs, captureCount: captures.ids.count, node: session.nextPrimitive())
    try add(op, [condition] + captures.ids, node)
  }

  private func checkAttributes(_ attributes: NodeAttributes, _ names: [String]) throws {
    if let other = attributes.named.keys.first(where: { !names.contains($0) }) {
      throw NodeAttributes.error("is not allowed here", other)
    }
  }

  private func inline(_ body: GraphMessage, _ node: OnnxNode) throws {
    let inner = NameScope(scope.target, parent: scope)
    _ = try session.addInitializers(body, inner)
    let environment = self.environment.inside(inner, node.label)
    try NodeImporter(session, environment).run(body.nodes)
    try define(node, body.outputs.map { try inner.value(text($0.pointee.name)) })
  }

  /// Loop and Scan: one graph, run again and again.
  func iterate(_ node: OnnxNode, _ attributes: NodeAttributes) throws {
    let body = try attributes.graph("body")
    let operands = try node.inputs.filter { !$0.isEmpty }.map(scope.value)
    let call = try makeCall(node, attributes)
    let facts = operands.map { graph[$0].fact }
    let captures = try capturedValues([body])
    let own: [TensorFact?] = try call.placed(facts)
    let isLoop = node.type == "Loop"
    let formal = try isLoop ? Self.loopInputs(own) : Self.scanInputs(own, call)
    guard formal.types.count == body.inputs.count else {
      throw EVSSMError(
        "onnx.inputs", "The body takes \(body.inputs.count) inputs; \(formal.types.count) belong to the node's.")
    }
    let prefix = session.nextPrimitive()
    let settled = try self.settled(body, formal, captures, prefix)
    let op = try Primitive(call, bodies: [settled], captureCount: captures.ids.count, node: prefix)
    try add(op, operands + captures.ids, node)
  }

  /// What the inputs of a body are: which of them are carried from the outputs of the iteration before, and from which.
  private struct Formal {
    var types: [ValueType]
    /// Input index → output index.
    var carried: [(input: Int, output: Int)]
  }

  private static func loopInputs(_ operands: [TensorFact?]) throws -> Formal {
    let carried = try operands.dropFirst(2).map { fact in
      guard let fact else { throw EVSSMError("onnx.missing-value", "Loop lacks the start of a carried value.") }
      return fact.type
    }
    return Formal(
      types: [ValueType(.int64, []), ValueType(.bool, [])] + carried,
      carried: carried.indices.map { (2 + $0, 1 + $0) })
  }

  private static func scanInputs(_ operands: [TensorFact?], _ call: PrimitiveCall) throws -> Formal {
    guard let count = call.integer("num_scan_inputs"), count >= 1, count <= operands.count else {
      throw EVSSMError("onnx.attribute", "Scan does not say how many of its inputs are scanned.")
    }
    let states = operands.count - count
    var axes = [Int](repeating: 0, count: count)
    if let stated = call.integers("scan_input_axes") {
      guard stated.count == count else {
        throw EVSSMError("onnx.attribute", "Scan has as many axes as scanned inputs.")
      }
      axes = stated
    }
    let types = try operands.enumerated().map { index, fact in
      guard var type = fact?.type else { throw EVSSMError("onnx.missing-value", "Scan lacks an input.") }
      guard index >= states else { return type }
      let axis = axes[index - states] + (axes[index - states] < 0 ? type.shape.count : 0)
      guard type.shape.indices.contains(axis) else {
        throw EVSSMError("graph.type", "Scan goes along axis \(axes[index - states]) of a \(type).")
      }
      type.shape.remove(at: axis)
      return type
    }
    return Formal(types: types, carried: (0..<states).map { ($0, $0) })
  }

  /// The body, with every size of a carried value that an iteration changes left open.
  private func settled(_ body: GraphMessage, _ formal: Formal, _ captures: CapturedValues, _ prefix: String) throws
    -> Graph
  {
    var formal = formal
    // Each round leaves at least one more size open.
    for _ in 0...(formal.types.reduce(0) { $0 + $1.shape.count }) {
      let graph = try self.body(body, formal: formal.types, captures)
      var changed = false
      for (input, output) in formal.carried {
        guard output < graph.outputs.count else { throw EVSSMError("onnx.outputs", "The body has too few outputs.") }
        let result = graph[graph.outputs[output]].type
        guard result.dtype == formal.types[input].dtype, result.shape.count == formal.types[input].shape.count else {
          throw EVSSMError(
            "graph.type",
            "A carried value is \(formal.types[input]) and becomes \(result), with other axes or elements.")
        }
        for axis in result.shape.indices where result.shape[axis] != formal.types[input].shape[axis] {
          let open = Dimension(symbol: "?\(prefix).in\(input).\(axis)")
          if formal.types[input].shape[axis] == open { continue }
          formal.types[input].shape[axis] = open
          changed = true
        }
      }
      if !changed { return graph }
    }
    throw EVSSMError("graph.type", "The sizes of carried values do not settle.", category: .internal)
  }

  /// Values of the graph around bodies that they use.
  struct CapturedValues {
    /// Those that are no constants: operands of the node after its own.
    var ids: [ValueID] = []
    var names: [String] = []
    var constants: [(name: String, value: Value)] = []
  }

  private func capturedValues(_ bodies: [GraphMessage]) throws -> CapturedValues {
    var captured = CapturedValues()
    var seen: Set<String> = []
    for name in bodies.flatMap(Captures.names) where seen.insert(name).inserted {
      let id = try scope.value(name)
      if graph[id].constant != nil {
        captured.constants.append((name, graph[id]))
      } else {
        captured.names.append(name)
        captured.ids.append(id)
      }
    }
    return captured
  }

  /// A body as a graph: its own inputs, then all captures.
  private func body(_ message: GraphMessage, formal: [ValueType], _ captures: CapturedValues) throws -> Graph {
    let target = GraphUnderConstruction()
    let scope = NameScope(target)
    let initializers = try session.addInitializers(message, scope)
    for (info, type) in zip(message.inputs, formal) {
      let name = text(info.pointee.name)
      guard !initializers.contains(name) else {
        throw EVSSMError("onnx.duplicate-name", "An input of a body is an initializer too.", place: .init(node: name))
      }
      if let (dtype, _) = try StatedType.read(info), dtype != type.dtype {
        throw EVSSMError(
          "onnx.type", "The input is said to be \(dtype.rawValue) and is given \(type.dtype.rawValue).",
          place: .init(node: name))
      }
      try scope.define(name, target.graph.addInput(name, type))
    }
    let outer = NameScope(target)
    for (name, value) in captures.constants {
      if let tensor = value.constant { try outer.define(name, target.graph.addConstant(value.name, tensor)) }
    }
    for (name, id) in zip(captures.names, captures.ids) {
      try outer.define(name, target.graph.addInput(name, graph[id].type, sizes: graph[id].sizes))
    }
    let inner = scope.inside(outer)
    try NodeImporter(session, environment.inside(inner, "body")).run(message.nodes)
    let outputs = message.outputs.map { text($0.pointee.name) }
    target.graph.setOutputs(try outputs.map(inner.value))
    return try target.graph.ordered()
  }
}

extension NodeEnvironment {
  /// The environment of nodes inside a node's graph.
  func inside(_ scope: NameScope, _ label: String) -> NodeEnvironment {
    NodeEnvironment(scope: scope, opsets: opsets, bindings: bindings, prefix: prefix + label + "/")
  }
}

extension Tensor {
  /// Whether the only element of a boolean tensor is true.
  fileprivate var isTrue: Bool { withUnsafeBytes { $0.first != 0 } }
}
