import ProtobufWire
import Tensors

/// The bytes of a file in pieces: what the writer made, and tensors that are not copied.
enum FilePiece {
  case bytes([UInt8])
  case tensor(Tensor)

  var count: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .tensor(let tensor): tensor.byteCount
    }
  }
}

/// Where the values of a tensor lie in the file beside the model.
struct ExternalRange: Sendable, Hashable {
  var fileName: String
  var offset: Int
}

/// Field numbers of the messages (onnx.proto of the onnx project).
private enum Field {
  enum Model {
    static let formatVersion: UInt32 = 1, producer: UInt32 = 2, producerVersion: UInt32 = 3, documentation: UInt32 = 6
    static let graph: UInt32 = 7, operatorSets: UInt32 = 8, functions: UInt32 = 25
  }
  enum OperatorSet { static let domain: UInt32 = 1, version: UInt32 = 2 }
  enum Graph {
    static let node: UInt32 = 1, name: UInt32 = 2, initializer: UInt32 = 5, input: UInt32 = 11, output: UInt32 = 12
  }
  enum Node {
    static let input: UInt32 = 1, output: UInt32 = 2, name: UInt32 = 3, op: UInt32 = 4, attribute: UInt32 = 5
    static let domain: UInt32 = 7
  }
  enum Attribute {
    static let name: UInt32 = 1, float: UInt32 = 2, int: UInt32 = 3, string: UInt32 = 4, graph: UInt32 = 6
    static let ints: UInt32 = 8, type: UInt32 = 20
  }
  enum Tensor {
    static let dims: UInt32 = 1, type: UInt32 = 2, name: UInt32 = 8, raw: UInt32 = 9, external: UInt32 = 13
    static let location: UInt32 = 14
  }
  enum Function {
    static let name: UInt32 = 1, input: UInt32 = 4, output: UInt32 = 5, node: UInt32 = 7, documentation: UInt32 = 8
    static let operatorSets: UInt32 = 9, domain: UInt32 = 10
  }
}

extension OnnxDocument {
  /// The file. Tensors in `external` have only their place written.
  func encoded(producer: (name: String, version: String), external: [String: ExternalRange]) -> [FilePiece] {
    var head = WireWriter()
    head.integer(Field.Model.formatVersion, Self.formatVersion(opset: opset))
    head.string(Field.Model.producer, producer.name)
    head.string(Field.Model.producerVersion, producer.version)
    head.string(Field.Model.documentation, documentation)
    let body = graph.pieces(external)
    head.lengthDelimited(Field.Model.graph, byteCount: body.reduce(0) { $0 + $1.count })
    var tail = WireWriter()
    for domain in [""] + Set(functions.map(\.domain)).sorted() {
      tail.message(Field.Model.operatorSets) { $0.operatorSet(domain, domain.isEmpty ? opset : 1) }
    }
    for function in functions { tail.message(Field.Model.functions) { $0.function(function, opset: opset) } }
    return [.bytes(head.bytes)] + body + [.bytes(tail.bytes)]
  }
}

extension OnnxGraph {
  fileprivate func pieces(_ external: [String: ExternalRange]) -> [FilePiece] {
    var writer = WireWriter()
    writer.graphHead(self)
    var pieces: [FilePiece] = [.bytes(writer.bytes)]
    for initializer in initializers {
      var header = WireWriter()
      header.tensorHead(initializer, external[initializer.name])
      let isInline = external[initializer.name] == nil
      if isInline { header.lengthDelimited(Field.Tensor.raw, byteCount: initializer.tensor.byteCount) }
      var tag = WireWriter()
      tag.lengthDelimited(
        Field.Graph.initializer, byteCount: header.bytes.count + (isInline ? initializer.tensor.byteCount : 0))
      pieces.append(.bytes(tag.bytes + header.bytes))
      if isInline { pieces.append(.tensor(initializer.tensor)) }
    }
    var tail = WireWriter()
    tail.graphTail(self)
    return pieces + [.bytes(tail.bytes)]
  }
}

extension WireWriter {
  fileprivate mutating func operatorSet(_ domain: String, _ version: Int) {
    string(Field.OperatorSet.domain, domain)
    integer(Field.OperatorSet.version, version)
  }

  fileprivate mutating func function(_ function: OnnxFunction, opset: Int) {
    string(Field.Function.name, function.name)
    for input in function.inputs { text(Field.Function.input, input) }
    for output in function.outputs { text(Field.Function.output, output) }
    for node in function.nodes { message(Field.Function.node) { $0.node(node) } }
    string(Field.Function.documentation, function.documentation)
    message(Field.Function.operatorSets) { $0.operatorSet("", opset) }
    string(Field.Function.domain, function.domain)
  }

  fileprivate mutating func graphHead(_ graph: OnnxGraph) {
    for node in graph.nodes { message(Field.Graph.node) { $0.node(node) } }
    string(Field.Graph.name, graph.name)
  }

  fileprivate mutating func graphTail(_ graph: OnnxGraph) {
    for input in graph.inputs { message(Field.Graph.input) { $0.value(input) } }
    for output in graph.outputs { message(Field.Graph.output) { $0.value(output) } }
  }

  /// A graph inside a node: it has no tensors of its own.
  fileprivate mutating func graph(_ graph: OnnxGraph) {
    graphHead(graph)
    graphTail(graph)
  }

  fileprivate mutating func node(_ node: OnnxNode) {
    for input in node.inputs { text(Field.Node.input, input) }
    for output in node.outputs { text(Field.Node.output, output) }
    string(Field.Node.name, node.name)
    string(Field.Node.op, node.op)
    for (name, value) in node.attributes { message(Field.Node.attribute) { $0.attribute(name, value) } }
    string(Field.Node.domain, node.domain)
  }

  /// Type numbers are those of AttributeProto.AttributeType.
  fileprivate mutating func attribute(_ name: String, _ value: OnnxAttribute) {
    string(Field.Attribute.name, name)
    switch value {
    case .float(let value):
      explicit(Field.Attribute.float, value)
      integer(Field.Attribute.type, 1)
    case .int(let value):
      explicit(Field.Attribute.int, value)
      integer(Field.Attribute.type, 2)
    case .string(let value):
      text(Field.Attribute.string, value)
      integer(Field.Attribute.type, 3)
    case .graph(let value):
      message(Field.Attribute.graph) { $0.graph(value) }
      integer(Field.Attribute.type, 5)
    case .ints(let values):
      for value in values { explicit(Field.Attribute.ints, value) }
      integer(Field.Attribute.type, 7)
    }
  }

  /// ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto and its dimensions, from the outside to the inside.
  fileprivate mutating func value(_ value: OnnxValue) {
    string(1, value.name)
    message(2) { type in
      type.message(1) { tensor in
        tensor.integer(1, Self.typeNumber(value.dtype))
        guard let shape = value.shape else { return }
        tensor.message(2) { dimensions in
          for size in shape { dimensions.message(1) { $0.dimension(size) } }
        }
      }
    }
  }

  private mutating func dimension(_ size: OnnxDimension) {
    switch size {
    case .known(let value): explicit(1, value)
    case .symbol(let name): text(2, name)
    }
  }

  /// All of a tensor but its values.
  fileprivate mutating func tensorHead(_ value: OnnxTensor, _ external: ExternalRange?) {
    for size in value.tensor.shape { explicit(Field.Tensor.dims, size) }
    integer(Field.Tensor.type, Self.typeNumber(value.tensor.dtype))
    string(Field.Tensor.name, value.name)
    guard let external else { return }
    let entries = [
      ("location", external.fileName), ("offset", "\(external.offset)"), ("length", "\(value.tensor.byteCount)"),
    ]
    for (key, entry) in entries {
      message(Field.Tensor.external) {
        $0.text(1, key); $0.text(2, entry)
      }
    }
    integer(Field.Tensor.location, 1)
  }

  /// TensorProto.DataType.
  private static func typeNumber(_ dtype: DType) -> Int {
    switch dtype {
    case .int64: 7
    case .bool: 9
    default: 1
    }
  }
}
