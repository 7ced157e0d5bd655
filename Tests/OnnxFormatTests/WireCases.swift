import ProtobufWire

/// Entries of group O about the bytes of the file: O01 to O17 and O62, O63.
enum WireCases {
  private static let good = OnnxBuilder.good.build()

  static let bytes: [OnnxCase] = [
    .init("O01 empty file", "onnx.not-onnx") { [] },
    .init("O02 no graph", "onnx.no-graph") { OnnxBuilder.changed { $0.hasGraph = false } },
    .init("O02 only a version", "onnx.no-graph") { [0x08, 0x0A] },
    .init("O04 trailing garbage", "protobuf.wire-type") { OnnxBuilder.changed { $0.trailing = [0xFF, 0xFF, 0x01] } },
    .init("O04 trailing zeros", "protobuf.field-number") { OnnxBuilder.changed { $0.trailing = [0, 0, 0, 0] } },
    .init("O04 a second model", "protobuf.duplicate-field") { good + good },
    .init("O05 field 0", "protobuf.field-number") { good + .field(0, 0, [1]) },
    .init("O05 field 2^29", "protobuf.field-number") { good + .field(1 << 29, 0, [1]) },
    .init("O05 wire type 3", "protobuf.wire-type") { good + .field(50, 3, []) },
    .init("O05 wire type 4", "protobuf.wire-type") { good + .field(50, 4, []) },
    .init("O05 wire type 6", "protobuf.wire-type") { good + .field(50, 6, [0]) },
    .init("O05 wire type 7", "protobuf.wire-type") { good + .field(50, 7, [0]) },
    .init("O05 a graph that is a number", "protobuf.wire-type") { [0x08, 0x0A] + .field(7, 0, [1]) },
    .init("O06 number of 11 bytes", "protobuf.varint") { .field(1, 0, [UInt8](repeating: 0x80, count: 10) + [1]) },
    .init("O06 overlong number", "protobuf.varint") { .field(1, 0, [0x8A, 0x80, 0x00]) },
    .init("O06 number over 64 bits", "protobuf.varint") { .field(1, 0, [UInt8](repeating: 0xFF, count: 9) + [0x7F]) },
    .init("O06 number cut", "protobuf.truncated") { [0x08, 0x8A] },
    .init("O07 length 2^31", "protobuf.truncated") { [0x08, 0x0A] + .field(7, 2, .varint(1 << 31)) },
    .init("O07 length 2^63", "protobuf.truncated") { [0x08, 0x0A] + .field(7, 2, .varint(1 << 63)) },
    .init("O07 length one over the rest", "protobuf.truncated") { [0x08, 0x0A] + .field(7, 2, [3, 1, 2]) },
    .init("O10 nested groups", "protobuf.wire-type") {
      [0x08, 0x0A] + [UInt8](repeating: 0x93, count: 1) + [0x03] + [UInt8](repeating: 0x9B, count: 30000)
    },
    .init("O14 a singular message 1e6 times", "protobuf.duplicate-field") {
      [0x08, 0x0A] + (0..<1_000_000).flatMap { _ in [UInt8](arrayLiteral: 0x3A, 0) }
    },
    .init("O14 a number twice", "protobuf.duplicate-field") { [0x08, 0x0A, 0x08, 0x0A] },
    .init("O16 a name with a zero byte", "protobuf.string-zero-byte") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Relu", ["x\0y"], ["y"])] }
    },
    .init("O17 a name that is not UTF-8", "protobuf.string-encoding") {
      OnnxBuilder.changed { $0.graph.nodes.append(.field(1, 2, [2, 0xC3, 0x28])) }
    },
    .init("O62 metadata of 20 MB", "limit.exceeded", limit: "max_onnx_metadata") {
      OnnxBuilder.changed { $0.metadata = [("notes", String(repeating: "a", count: 20_000_000))] }
    },
    .init("O63 text", "onnx.not-onnx") { Array("ir_version: 8\nproducer_name: \"x\"\n".utf8) },
    .init("O63 JSON", "onnx.not-onnx") { Array("{\"irVersion\": \"8\"}".utf8) },
    .init("O63 zip", "onnx.not-onnx") { [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 40) },
    .init("O63 pickle", "onnx.not-onnx") { [0x80, 2, 0x7D, 0x71, 0, 0x2E] },
    .init("O63 a pointer of git LFS", "onnx.not-onnx") {
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".utf8)
    },
  ]

  /// O08 and O09: model.graph.node.attribute.graph.…, and what else nests.
  static let depths: [OnnxCase] = [100, 180, 3000, 1_000_000].flatMap { levels in
    [
      OnnxCase("O08 \(levels) graphs", "limit.exceeded", limit: "max_protobuf_depth") {
        [0x08, 0x0A] + graphs(levels)
      },
      OnnxCase("O09 \(levels) types", "limit.exceeded", limit: "max_protobuf_depth") {
        // graph.input.type, then sequence_type.elem_type.
        wrapped([7, 11, 2], .nested([4, 1], levels: levels))
      },
      OnnxCase("O09 \(levels) graphs in a function", "limit.exceeded", limit: "max_protobuf_depth") {
        wrapped([25, 7], .nested([5, 6, 1], levels: levels))
      },
      OnnxCase("O09 \(levels) graphs of training", "limit.exceeded", limit: "max_protobuf_depth") {
        wrapped([20, 1], .nested([1, 5, 6], levels: levels))
      },
    ]
  }

  private static func graphs(_ levels: Int) -> [UInt8] { wrapped([7], .nested([1, 5, 6], levels: levels)) }

  private static func wrapped(_ fields: [UInt64], _ inner: [UInt8]) -> [UInt8] {
    fields.reversed().reduce(inner) { .field($1, 2, .varint(UInt64($0.count)) + $0) }
  }

  static let amounts: [OnnxCase] = [
    .init("O11 4 MiB of empty initializers", "limit.exceeded", limit: "max_protobuf_bytes") {
      wrapped([7], repeated([0x2A, 0], 2 << 20))
    },
    .init("O12 2 M empty nodes", "limit.exceeded", limit: "max_protobuf_bytes") {
      wrapped([7], repeated([0x0A, 0], 2_000_001))
    },
    .init("O12 2 M empty attributes of type", "limit.exceeded", limit: "max_protobuf_bytes") {
      wrapped([7, 1], repeated([0x2A, 0], 2_000_001))
    },
    .init("O13 packed integers", "limit.exceeded", limit: "max_protobuf_bytes") {
      wrapped([7, 5], .field(7, 2, .varint(16 << 20) + [UInt8](repeating: 1, count: 16 << 20)))
    },
    .init("O13 integers, unpacked", "limit.exceeded", limit: "max_protobuf_bytes") {
      wrapped([7, 5], repeated([0x38, 1], 8 << 20))
    },
    .init("O35 2e6 texts", "limit.exceeded", limit: "max_protobuf_bytes") {
      wrapped([7, 1], repeated([0x0A, 1, 0x78], 3_000_000))
    },
  ]

  private static func repeated(_ pattern: [UInt8], _ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: pattern.count * count) { out, initialized in
      for i in 0..<pattern.count * count { out[i] = pattern[i % pattern.count] }
      initialized = pattern.count * count
    }
  }
}
