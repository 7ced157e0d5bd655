import COnnxProto
import PrimitiveOperators
import Tensors

/// A function that a model defines.
struct OnnxFunction {
  let nodes: [OnnxNode]
  let inputs: [String]
  let outputs: [String]
  /// Names of attributes that calls may give, and those with a default.
  let attributes: Set<String>
  let defaults: [AttributeMessage]
  let opsets: [String: Int]

  init(_ message: FunctionMessage) throws {
    nodes = message.nodes
    inputs = texts(message.pointee.input, message.pointee.n_input)
    outputs = texts(message.pointee.output, message.pointee.n_output)
    defaults = messages(message.pointee.attribute_proto, message.pointee.n_attribute_proto)
    attributes = Set(texts(message.pointee.attribute, message.pointee.n_attribute))
    opsets = try ModelProperties.opsets(messages(message.pointee.opset_import, message.pointee.n_opset_import))
    guard Set(inputs).count == inputs.count, Set(outputs).count == outputs.count else {
      throw EVSSMError("onnx.duplicate-name", "Two inputs or outputs of a function have the same name.")
    }
  }

  /// What stands for the attributes' names inside, for a call with these attributes.
  func bindings(_ call: NodeAttributes) throws -> NodeAttributes.Bindings {
    var bindings: NodeAttributes.Bindings = [:]
    for message in defaults { bindings[text(message.pointee.name)] = message }
    for (name, message) in call.named {
      guard attributes.contains(name) || bindings[name] != nil else {
        throw NodeAttributes.error("is unknown to the function", name)
      }
      bindings[name] = message
    }
    return bindings
  }
}

/// The functions of a model.
struct FunctionTable {
  private var functions: [FunctionKey: OnnxFunction] = [:]

  /// Throws `onnx.duplicate-name`, and `onnx.opset` for what a function imports.
  init(_ model: OnnxModel) throws {
    for message in messages(model.message.pointee.functions, model.message.pointee.n_functions) {
      let key = message.key
      do {
        guard functions.updateValue(try OnnxFunction(message), forKey: key) == nil else {
          throw EVSSMError("onnx.duplicate-name", "Two functions have the same name.")
        }
      } catch let error as EVSSMError { throw error.at(.init(node: key.name)) }
    }
  }

  subscript(node: OnnxNode) -> OnnxFunction? { functions[node.functionKey] }
  var keys: [FunctionKey] { Array(functions.keys) }
}

/// Looks at every node that a model would run, before any is taken: how many they are with functions inlined, and
/// which operators are not supported.
struct ModelSurvey {
  private let functions: FunctionTable
  private var counts: [FunctionKey: Int] = [:]
  private var open: [FunctionKey] = []
  /// Nodes by unsupported operator.
  private(set) var unsupported: [String: [String]] = [:]
  /// Nodes as they are written, those of functions that are called once each.
  private(set) var written = 0

  /// Throws `onnx.recursion` for functions that call themselves, `limit.exceeded` (`max_onnx_function_depth`,
  /// `max_onnx_nodes`) and `onnx.unsupported-operator`, which lists all of them.
  /// - Complexity: O(nodes as they are written).
  static func check(_ graph: GraphMessage, _ opsets: [String: Int], _ functions: FunctionTable) throws {
    var survey = ModelSurvey(functions: functions)
    let count = try survey.count(graph.nodes, opsets)
    try Limits.check(
      count, atMost: Limits.maxInlinedNodes(written: survey.written), name: "max_onnx_nodes",
      "The number of nodes, functions inlined,")
    try survey.checkSupport()
  }

  private init(functions: FunctionTable) { self.functions = functions }

  /// Nodes of a list with those of its graphs and functions. The recursion is bounded by the depth of messages and of
  /// functions.
  private mutating func count(_ nodes: [OnnxNode], _ opsets: [String: Int]) throws -> Int {
    written += nodes.count
    var total = nodes.count
    for node in nodes {
      if functions[node] != nil {
        total = try Checked.add(total, countCall(node))
      } else {
        note(node, opsets)
      }
      for graph in node.graphs { total = try Checked.add(total, count(graph.nodes, opsets)) }
    }
    return total
  }

  private mutating func countCall(_ node: OnnxNode) throws -> Int {
    let key = node.functionKey
    if let known = counts[key] { return known }
    guard let function = functions[node] else { return 0 }
    if open.contains(key) {
      throw EVSSMError("onnx.recursion", "The function calls itself.", place: .init(node: key.name))
    }
    try Limits.check(
      open.count + 1, atMost: Limits.maxOnnxFunctionDepth, name: "max_onnx_function_depth", "The nesting of functions")
    open.append(key)
    let count = try count(function.nodes, function.opsets)
    open.removeLast()
    counts[key] = count
    return count
  }

  private mutating func note(_ node: OnnxNode, _ opsets: [String: Int]) {
    if node.domain.isEmpty, Self.readHere.contains(node.type), opsets[""] != nil { return }
    if let opset = opsets[node.domain],
      PrimitiveRegistry.supports(domain: node.domain, type: node.type, opset: opset)
    {
      return
    }
    let domain = node.domain.isEmpty ? "" : node.domain + "."
    unsupported[domain + node.type, default: []].append(node.label)
  }

  /// Operators that the reader takes care of itself.
  static let readHere: Set<String> = ["Constant"]

  private func checkSupport() throws {
    if unsupported.isEmpty { return }
    let lines = unsupported.sorted { $0.key < $1.key }.map { type, nodes in
      let named = nodes.prefix(8).map { EVSSMError.escaped($0, limit: 80) }.joined(separator: ", ")
      let rest = nodes.count > 8 ? " and \(nodes.count - 8) more" : ""
      return "\(EVSSMError.escaped(type, limit: 80)) (\(named)\(rest))"
    }
    let rest = lines.count > 50 ? "; and \(lines.count - 50) operators more" : ""
    throw EVSSMError(
      "onnx.unsupported-operator",
      "The model uses operators that are not supported: \(lines.prefix(50).joined(separator: "; "))\(rest).\(advice)",
      place: .init(node: unsupported.min { $0.key < $1.key }?.value.first))
  }

  /// How a model comes to be without the unsupported operators, for those that exporters and optimisers put in.
  private var advice: String {
    if unsupported.keys.contains(where: { $0.hasPrefix("com.microsoft.") }) {
      return " Operators of com.microsoft are what ONNX Runtime makes of others for itself: "
        + "take the model from before its optimisation, or optimise it with ORT_ENABLE_BASIC."
    }
    if unsupported.keys.contains(where: { $0.contains("Sequence") }) {
      return
        " Sequences are lists that the exporter kept: collect the results in a tensor, or export with optimize=True or "
        + "from a loop that is no list."
    }
    return ""
  }
}
