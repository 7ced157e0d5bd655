import COnnxProto
import Tensors

// Short names for the generated C structs.
typealias GraphMessage = UnsafePointer<Evssm__Onnx__Graph>
typealias NodeMessage = UnsafePointer<Evssm__Onnx__Node>
typealias AttributeMessage = UnsafePointer<Evssm__Onnx__Attribute>
typealias TensorMessage = UnsafePointer<Evssm__Onnx__Tensor>
typealias SparseTensorMessage = UnsafePointer<Evssm__Onnx__SparseTensor>
typealias ValueInfoMessage = UnsafePointer<Evssm__Onnx__ValueInfo>
typealias TypeMessage = UnsafePointer<Evssm__Onnx__Type>
typealias FunctionMessage = UnsafePointer<Evssm__Onnx__Function>
typealias OperatorSetMessage = UnsafePointer<Evssm__Onnx__OperatorSet>
typealias EntryMessage = UnsafePointer<Evssm__Onnx__StringEntry>

/// The messages of a repeated field.
func messages<Message>(
  _ first: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
) -> [UnsafePointer<Message>] {
  guard let first else { return [] }
  return UnsafeBufferPointer(start: first, count: count).compactMap { $0.map { UnsafePointer($0) } }
}

/// The texts of a repeated field. The wire scan has seen that they are UTF-8 without zero bytes.
func texts(_ first: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
  guard let first else { return [] }
  return UnsafeBufferPointer(start: first, count: count).map(text)
}

/// A text field; empty if it is absent.
func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

/// The numbers of a repeated field.
func numbers<Number>(_ first: UnsafeMutablePointer<Number>?, _ count: Int) -> UnsafeBufferPointer<Number> {
  UnsafeBufferPointer(start: first, count: first == nil ? 0 : count)
}

/// The domain of the standard operators has two names; the empty one is used.
func normalisedDomain(_ domain: String) -> String { domain == "ai.onnx" ? "" : domain }

/// A node of a file, its texts as Swift strings.
struct OnnxNode {
  let message: NodeMessage
  let name: String
  let type: String
  let domain: String
  let inputs: [String]
  let outputs: [String]

  init(_ message: NodeMessage) {
    self.message = message
    name = text(message.pointee.name)
    type = text(message.pointee.op_type)
    domain = normalisedDomain(text(message.pointee.domain))
    inputs = texts(message.pointee.input, message.pointee.n_input)
    outputs = texts(message.pointee.output, message.pointee.n_output)
  }

  init(_ other: OnnxNode, inputs: [String]) {
    message = other.message
    name = other.name
    type = other.type
    domain = other.domain
    self.inputs = inputs
    outputs = other.outputs
  }

  var attributes: [AttributeMessage] { messages(message.pointee.attribute, message.pointee.n_attribute) }

  /// The function that the node calls, if the model defines it.
  var functionKey: FunctionKey { FunctionKey(domain: domain, name: type, overload: text(message.pointee.overload)) }

  /// The graphs among its attributes, in order.
  var graphs: [GraphMessage] {
    attributes.flatMap { attribute in
      (attribute.pointee.g.map { [UnsafePointer($0)] } ?? [])
        + messages(attribute.pointee.graphs, attribute.pointee.n_graphs)
    }
  }

  /// What errors call the node.
  var label: String { name.isEmpty ? outputs.first { !$0.isEmpty } ?? type : name }
  var place: EVSSMError.Place { .init(node: label) }
}

/// What identifies a function of a model.
struct FunctionKey: Hashable {
  let domain: String
  let name: String
  let overload: String
}

extension GraphMessage {
  var nodes: [OnnxNode] { messages(pointee.node, pointee.n_node).map(OnnxNode.init) }
  var initializers: [TensorMessage] { messages(pointee.initializer, pointee.n_initializer) }
  var sparseInitializers: [SparseTensorMessage] { messages(pointee.sparse_initializer, pointee.n_sparse_initializer) }
  var inputs: [ValueInfoMessage] { messages(pointee.input, pointee.n_input) }
  var outputs: [ValueInfoMessage] { messages(pointee.output, pointee.n_output) }
  var valueInfos: [ValueInfoMessage] { messages(pointee.value_info, pointee.n_value_info) }
}

extension FunctionMessage {
  var nodes: [OnnxNode] { messages(pointee.node, pointee.n_node).map(OnnxNode.init) }
  var key: FunctionKey {
    FunctionKey(
      domain: normalisedDomain(text(pointee.domain)), name: text(pointee.name), overload: text(pointee.overload))
  }
}
