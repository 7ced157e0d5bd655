import ProtobufWire

/// Builds ONNX files field by field, the malformed ones too. Field numbers as in schemas/onnx.proto.
struct OnnxBuilder {
  var format = 10
  var opsets: [(domain: String, version: Int)] = [("", 18)]
  var graph = GraphBuilder()
  var functions: [[UInt8]] = []
  var metadata: [(String, String)] = []
  /// Bytes behind the fields.
  var trailing: [UInt8] = []
  var hasGraph = true

  func build() -> [UInt8] {
    var out = WireWriter()
    out.integer(1, format)
    if hasGraph { out.data(7, graph.build()) }
    for (domain, version) in opsets {
      out.message(8) {
        $0.string(1, domain)
        $0.integer(2, version)
      }
    }
    for (key, value) in metadata {
      out.message(14) {
        $0.string(1, key)
        $0.string(2, value)
      }
    }
    for function in functions { out.data(25, function) }
    return out.bytes + trailing
  }

  /// y = Relu(x), x: float32[2, 3].
  static var good: OnnxBuilder {
    var builder = OnnxBuilder()
    builder.graph.inputs = [.value("x", [2, 3])]
    builder.graph.nodes = [.node("Relu", ["x"], ["y"])]
    builder.graph.outputs = [.value("y", [2, 3])]
    return builder
  }

  static func changed(_ change: (inout OnnxBuilder) -> Void) -> [UInt8] {
    var builder = good
    change(&builder)
    return builder.build()
  }

  /// y = op(x, …) with these initializers, x: float32 of `shape`.
  static func node(
    _ op: String, _ initializers: [TensorBuilder] = [], shape: [Int] = [1, 4, 8, 8], outputs: Int = 1, opset: Int = 18,
    attributes: [[UInt8]] = []
  ) -> [UInt8] {
    var builder = OnnxBuilder()
    builder.opsets = [("", opset)]
    builder.graph.inputs = [.value("x", shape)]
    builder.graph.initializers = initializers.map { $0.build() }
    let names = (0..<outputs).map { $0 == 0 ? "y" : "y\($0)" }
    builder.graph.nodes = [.node(op, ["x"] + initializers.map(\.name), names, attributes)]
    builder.graph.outputs = [.value("y", nil)]
    return builder.build()
  }
}

/// A graph, as the bytes of its parts.
struct GraphBuilder {
  var nodes: [[UInt8]] = []
  var initializers: [[UInt8]] = []
  var sparse: [[UInt8]] = []
  var inputs: [[UInt8]] = []
  var outputs: [[UInt8]] = []
  var values: [[UInt8]] = []

  func build() -> [UInt8] {
    var out = WireWriter()
    for node in nodes { out.data(1, node) }
    out.string(2, "graph")
    for tensor in initializers { out.data(5, tensor) }
    for input in inputs { out.data(11, input) }
    for output in outputs { out.data(12, output) }
    for value in values { out.data(13, value) }
    for tensor in sparse { out.data(15, tensor) }
    return out.bytes
  }
}

/// A tensor with data in any of its fields.
struct TensorBuilder {
  var name = "w"
  var dims: [Int] = [2, 3]
  var type = 1
  var raw: [UInt8]? = nil
  var floats: [Float] = []
  var int32s: [Int] = []
  var int64s: [Int] = []
  var external: [(String, String)] = []
  var hasSegment = false

  func build() -> [UInt8] {
    var out = WireWriter()
    out.packed(1, dims)
    out.integer(2, type)
    if hasSegment { out.message(3) { $0.integer(2, 1) } }
    out.packed(4, floats)
    out.packed(5, int32s)
    out.packed(7, int64s)
    out.string(8, name)
    if let raw { out.data(9, raw) }
    for (key, value) in external {
      out.message(13) {
        $0.string(1, key)
        $0.string(2, value)
      }
    }
    if !external.isEmpty { out.integer(14, 1) }
    return out.bytes
  }

  static func floats(_ name: String, _ dims: [Int], _ value: Float = 0) -> TensorBuilder {
    TensorBuilder(name: name, dims: dims, floats: Array(repeating: value, count: dims.reduce(1, *)))
  }

  static func ints(_ name: String, _ values: [Int], dims: [Int]? = nil) -> TensorBuilder {
    TensorBuilder(name: name, dims: dims ?? [values.count], type: 7, int64s: values)
  }
}

extension [UInt8] {
  static func node(
    _ type: String, _ inputs: [String], _ outputs: [String], _ attributes: [[UInt8]] = [], domain: String = "",
    name: String = ""
  ) -> [UInt8] {
    var out = WireWriter()
    for input in inputs { out.data(1, Array(input.utf8)) }
    for output in outputs { out.data(2, Array(output.utf8)) }
    out.string(3, name)
    out.string(4, type)
    for attribute in attributes { out.data(5, attribute) }
    out.string(7, domain)
    return out.bytes
  }

  /// A tensor's name and type; names for negative sizes, unknown sizes without a name for nil.
  static func value(_ name: String, _ shape: [Int]?, type: Int = 1, symbols: [String] = []) -> [UInt8] {
    var out = WireWriter()
    out.string(1, name)
    out.message(2) {
      $0.message(1) {
        $0.integer(1, type)
        guard let shape else { return }
        $0.message(2) {
          for size in shape { $0.message(1) { $0.integer(1, size) } }
          for symbol in symbols { $0.message(1) { $0.string(2, symbol) } }
        }
      }
    }
    return out.bytes
  }

  static func attribute(_ name: String, _ type: Int, _ body: (inout WireWriter) -> Void) -> [UInt8] {
    var out = WireWriter()
    out.string(1, name)
    body(&out)
    out.integer(20, type)
    return out.bytes
  }

  static func int(_ name: String, _ value: Int) -> [UInt8] { attribute(name, 2) { $0.integer(3, value) } }
  static func ints(_ name: String, _ values: [Int]) -> [UInt8] { attribute(name, 7) { $0.packed(8, values) } }
  static func float(_ name: String, _ value: Float) -> [UInt8] { attribute(name, 1) { $0.float(2, value) } }
  static func text(_ name: String, _ value: String) -> [UInt8] {
    attribute(name, 3) { $0.data(4, Array(value.utf8)) }
  }
  static func graph(_ name: String, _ graph: GraphBuilder) -> [UInt8] {
    attribute(name, 5) { $0.data(6, graph.build()) }
  }
  static func tensor(_ name: String, _ tensor: TensorBuilder) -> [UInt8] {
    attribute(name, 4) { $0.data(5, tensor.build()) }
  }

  static func function(
    _ name: String, _ inputs: [String], _ outputs: [String], _ nodes: [[UInt8]], domain: String = "local",
    attributes: [String] = [], opsets: [(String, Int)] = [("", 18), ("local", 1)]
  ) -> [UInt8] {
    var out = WireWriter()
    out.string(1, name)
    for input in inputs { out.string(4, input) }
    for output in outputs { out.string(5, output) }
    for attribute in attributes { out.string(6, attribute) }
    for node in nodes { out.data(7, node) }
    for (domain, version) in opsets {
      out.message(9) {
        $0.string(1, domain)
        $0.integer(2, version)
      }
    }
    out.string(10, domain)
    return out.bytes
  }

  /// One field with a raw tag: number, wire type and the bytes of its value.
  static func field(_ number: UInt64, _ wireType: UInt64, _ value: [UInt8]) -> [UInt8] {
    varint(number << 3 | wireType) + value
  }

  static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var out: [UInt8] = []
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  /// `levels` messages inside each other, each field `number` of the one around it.
  static func nested(_ fields: [UInt64], levels: Int) -> [UInt8] {
    // From the inside out would copy quadratically; lengths are computed first.
    var lengths = [Int](repeating: 0, count: levels + 1)
    for level in stride(from: levels - 1, through: 0, by: -1) {
      let inner = lengths[level + 1]
      lengths[level] = varint(fields[level % fields.count] << 3 | 2).count + varint(UInt64(inner)).count + inner
    }
    return (0..<levels).flatMap { varint(fields[$0 % fields.count] << 3 | 2) + varint(UInt64(lengths[$0 + 1])) }
  }
}
