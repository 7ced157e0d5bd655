import PrimitiveOperators
import ProtobufWire
import Tensors

extension DType {
  /// The number in `schemas/plan.proto`.
  var planCode: Int { (Self.planOrder.firstIndex(of: self) ?? -1) + 1 }

  init(planCode code: Int) throws {
    guard Self.planOrder.indices.contains(code - 1) else {
      throw EVSSMError("plan.element-type", "The plan has an element type \(code), which does not exist.")
    }
    self = Self.planOrder[code - 1]
  }

  private static let planOrder: [DType] = [
    .float32, .float16, .bfloat16, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool,
    .int4, .uint4, .int2, .uint2, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0,
    .float4e2m1,
  ]
}

extension TensorGraph {
  func encode(_ writer: inout WireWriter) {
    for port in inputs { writer.message(1) { port.encode(&$0) } }
    for name in outputNames { writer.data(2, Array(name.utf8)) }
    writer.message(3) { program.encode(&$0) }
  }
}

extension TensorPort {
  fileprivate func encode(_ writer: inout WireWriter) {
    writer.string(1, name)
    writer.integer(2, dtype.planCode)
    for size in shape {
      writer.message(3) { writer in
        switch size {
        case .constant(let size): writer.integer(1, size)
        case .symbol(let symbol): writer.string(2, symbol)
        }
      }
    }
  }
}

extension TensorProgram {
  fileprivate func encode(_ writer: inout WireWriter) {
    writer.integer(1, valueCount)
    writer.packed(2, inputs)
    writer.packed(3, outputs)
    for constant in constants {
      writer.message(4) {
        $0.integer(1, constant.value)
        $0.integer(2, constant.dtype.planCode)
        $0.packed(3, constant.shape)
        $0.integer(4, constant.constant.rawValue)
      }
    }
    for node in nodes { writer.message(5) { node.encode(&$0) } }
  }
}

extension TensorProgram.Node {
  fileprivate func encode(_ writer: inout WireWriter) {
    writer.string(1, name)
    writer.string(2, call.type)
    writer.integer(3, call.opset)
    for (name, value) in call.attributes.sorted(by: { $0.key < $1.key }) {
      writer.message(4) {
        $0.string(1, name)
        value.encode(&$0)
      }
    }
    writer.packed(5, call.inputs.map { $0 ? 1 : 0 })
    writer.packed(6, call.outputs.map { $0 ? 1 : 0 })
    writer.packed(7, inputs)
    writer.packed(8, outputs)
    for body in bodies { writer.message(9) { body.encode(&$0) } }
    writer.integer(10, captureCount)
  }
}

extension AttributeValue {
  fileprivate func encode(_ writer: inout WireWriter) {
    switch self {
    case .int(let value):
      writer.integer(2, 1)
      writer.packedSigned(3, [value])
    case .float(let value):
      writer.integer(2, 2)
      writer.packed(4, [value])
    case .string(let value):
      writer.integer(2, 3)
      writer.data(5, Array(value.utf8))
    case .ints(let values):
      writer.integer(2, 4)
      writer.packedSigned(3, values)
    case .floats(let values):
      writer.integer(2, 5)
      writer.packed(4, values)
    case .strings(let values):
      writer.integer(2, 6)
      for value in values { writer.data(5, Array(value.utf8)) }
    case .tensor(let tensor):
      writer.integer(2, 7)
      writer.integer(6, tensor.dtype.planCode)
      writer.packed(7, tensor.shape)
      writer.data(8, tensor.bytes)
    }
  }
}
