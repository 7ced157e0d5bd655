import COnnxProto
import GraphIR
import PrimitiveOperators
import Tensors

/// Where the nodes of a list stand.
struct NodeEnvironment {
  let scope: NameScope
  let opsets: [String: Int]
  /// The attributes of the function's call around the nodes; nil outside functions.
  let bindings: NodeAttributes.Bindings?
  /// What the names of the nodes begin with: those of the calls around them.
  let prefix: String
}

/// Takes the nodes of one list into a graph.
struct NodeImporter {
  let session: ModelImporter
  let environment: NodeEnvironment

  init(_ session: ModelImporter, _ environment: NodeEnvironment) {
    self.session = session
    self.environment = environment
  }

  var scope: NameScope { environment.scope }
  var graph: Graph { scope.target.graph }

  /// Throws what importing the model throws; errors name the node.
  ///
  /// Recursive through functions and bodies, whose nesting is bounded.
  func run(_ nodes: [OnnxNode]) throws {
    for node in try NodeOrder.sorted(nodes, taken: scope.owns) {
      do { try take(node) } catch let error as EVSSMError {
        throw error.at(.init(node: environment.prefix + node.label))
      }
    }
  }

  private func take(_ node: OnnxNode) throws {
    let attributes = try NodeAttributes(node, bindings: environment.bindings)
    if let function = session.functions[node] { return try call(function, node, attributes) }
    switch (node.domain, node.type) {
    case ("", "Constant"): try define(node, [constant(node, attributes)])
    case ("", "Identity"): try define(node, [Optional(operand(node, 0))])
    case ("", "If"): try branch(node, attributes)
    case ("", "Loop"), ("", "Scan"): try iterate(node, attributes)
    default: try primitive(node, attributes)
    }
  }

  /// Operand `index`. Throws `onnx.missing-value` when it is left out or nothing makes it.
  func operand(_ node: OnnxNode, _ index: Int) throws -> ValueID {
    guard node.inputs.indices.contains(index), !node.inputs[index].isEmpty else {
      throw EVSSMError("onnx.missing-value", "Operator \(EVSSMError.escaped(node.type)) lacks input \(index).")
    }
    return try scope.value(node.inputs[index])
  }

  /// Gives a node's results their names; nil for those that nobody asked for.
  func define(_ node: OnnxNode, _ results: [ValueID?]) throws {
    guard node.outputs.count <= results.count else {
      throw EVSSMError(
        "onnx.outputs", "The node has \(node.outputs.count) outputs and makes \(results.count).")
    }
    for (name, id) in zip(node.outputs, results) where !name.isEmpty {
      if let id { try scope.define(name, id) }
    }
  }

  /// The node as a call: which inputs and outputs it has and its attributes but graphs.
  func makeCall(_ node: OnnxNode, _ attributes: NodeAttributes) throws -> PrimitiveCall {
    let last = node.inputs.lastIndex { !$0.isEmpty } ?? -1
    return PrimitiveCall(
      domain: node.domain, node.type, opset: environment.opsets[node.domain] ?? 0,
      attributes: try attributes.values(session.decoder), inputs: node.inputs[0..<last + 1].map { !$0.isEmpty },
      outputs: node.outputs.map { !$0.isEmpty })
  }

  func nodeName(_ node: OnnxNode) -> String {
    session.uniqueName(environment.prefix + (node.name.isEmpty ? node.type : node.name))
  }

  private func primitive(_ node: OnnxNode, _ attributes: NodeAttributes) throws {
    let call = try makeCall(node, attributes)
    let operands = try node.inputs.filter { !$0.isEmpty }.map(scope.value)
    try add(try Primitive(call, node: session.nextPrimitive()), operands, node)
  }

  /// Adds a primitive, or the constants that it comes to.
  func add(_ op: Primitive, _ operands: [ValueID], _ node: OnnxNode) throws {
    let target = scope.target
    if let constants = try session.folded(op, operands.map { target.graph[$0].fact }) {
      let ids = zip(node.outputs.filter { !$0.isEmpty }, constants).map { target.graph.addConstant($0, $1) }
      return try define(node, placed(ids, op.call.outputs))
    }
    let ids = try target.graph.add(op, operands, name: nodeName(node))
    try session.noteDerived(op, operands, ids, in: target.graph)
    try define(node, placed(ids, op.call.outputs))
  }

  /// Results at the operator's output positions.
  private func placed(_ ids: [ValueID], _ asked: [Bool]) -> [ValueID?] {
    var rest = ids[...]
    return asked.map { $0 ? rest.popFirst() : nil }
  }
}

extension NodeImporter {
  /// The nodes of a function with the operands of the call in place of its inputs.
  private func call(_ function: OnnxFunction, _ node: OnnxNode, _ attributes: NodeAttributes) throws {
    guard node.inputs.count <= function.inputs.count, node.outputs.count <= function.outputs.count else {
      throw EVSSMError("onnx.inputs", "The call has more inputs or outputs than its function.")
    }
    let inner = NameScope(scope.target)
    for (formal, name) in zip(function.inputs, node.inputs) where !name.isEmpty {
      try inner.define(formal, scope.value(name))
    }
    let environment = NodeEnvironment(
      scope: inner, opsets: function.opsets, bindings: try function.bindings(attributes),
      prefix: self.environment.prefix + (node.name.isEmpty ? node.type : node.name) + "/")
    try NodeImporter(session, environment).runFunction(function)
    try define(node, function.outputs.map { try inner.value($0) })
  }

  /// An optional input that the call leaves out is one that the nodes may name: it is left out there too.
  private func runFunction(_ function: OnnxFunction) throws {
    let absent = Set(function.inputs.filter { scope.find($0) == nil })
    try run(absent.isEmpty ? function.nodes : function.nodes.map { $0.without(absent) })
  }

  /// The tensor of a Constant node.
  private func constant(_ node: OnnxNode, _ attributes: NodeAttributes) throws -> ValueID? {
    guard node.inputs.isEmpty, attributes.named.count == 1, let (name, message) = attributes.named.first else {
      throw EVSSMError("onnx.attribute", "A Constant takes one attribute and no inputs.")
    }
    let tensor: Tensor
    let a = message.pointee
    switch (name, a.type) {
    case ("value", 4): tensor = try a.t.map { try session.decoder.tensor(UnsafePointer($0)) } ?? missing()
    case ("sparse_value", 11):
      tensor = try a.sparse_tensor.map { try session.decoder.dense(UnsafePointer($0)) } ?? missing()
    case ("value_float", 1): tensor = try Tensor(shape: [], floats: [a.f])
    case ("value_floats", 6): tensor = try Tensor(shape: [a.n_floats], floats: Array(numbers(a.floats, a.n_floats)))
    case ("value_int", 2): tensor = try Tensor(shape: [], integers: [Int(a.i)])
    case ("value_ints", 7):
      tensor = try Tensor(shape: [a.n_ints], integers: numbers(a.ints, a.n_ints).map { Int($0) })
    default:
      throw EVSSMError("onnx.attribute", "A Constant with the attribute \(EVSSMError.escaped(name)) is not supported.")
    }
    return scope.target.graph.addConstant(node.outputs.first ?? node.label, tensor)
  }

  private func missing() throws -> Tensor {
    throw EVSSMError("onnx.attribute", "A Constant lacks its value.")
  }
}

extension OnnxNode {
  /// The node with these inputs left out.
  func without(_ names: Set<String>) -> OnnxNode {
    OnnxNode(self, inputs: inputs.map { names.contains($0) ? "" : $0 })
  }
}

extension Tensor {
  /// An int64 tensor. Throws when the values do not fill the shape.
  init(shape: [Int], integers: [Int]) throws {
    guard try Checked.product(shape) == integers.count else {
      throw EVSSMError(
        "tensor.count", "\(integers.count) values do not fill a tensor of shape \(shape).", category: .internal)
    }
    try self.init(dtype: .int64, shape: shape) { target in
      for (i, value) in integers.enumerated() {
        target.storeBytes(of: Int64(value), toByteOffset: i * 8, as: Int64.self)
      }
    }
  }
}
