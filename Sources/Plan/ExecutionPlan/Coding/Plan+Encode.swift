import ProtobufWire
import Tensors

extension Plan {
  /// The program section.
  func encoded() -> [UInt8] {
    var writer = WireWriter()
    writer.message(1) { model.encode(&$0) }
    for buffer in buffers { writer.message(2) { buffer.encode(&$0) } }
    for step in steps { writer.message(3) { step.encode(&$0) } }
    for constant in constants { writer.message(4) { constant.encode(&$0) } }
    if let graph { writer.message(5) { graph.encode(&$0) } }
    return writer.bytes
  }
}

extension ModelDescription {
  fileprivate func encode(_ writer: inout WireWriter) {
    writer.string(1, architecture)
    for attribute in hyperparameters {
      writer.message(2) {
        $0.string(1, attribute.name)
        $0.string(2, attribute.value)
      }
    }
    writer.integer(3, parameterCount)
    writer.integer(4, windows == .released ? 1 : 2)
    writer.integer(5, minimumSide)
  }
}

extension BufferDescription {
  fileprivate func encode(_ writer: inout WireWriter) {
    for (field, size) in [(1 as UInt32, height), (2, width)] {
      let tokens = SizeTokens(size)
      writer.message(field) {
        $0.packed(1, tokens.codes)
        $0.packedSigned(2, tokens.constants)
      }
    }
    writer.integer(3, channels)
  }
}

extension ConstantDescription {
  fileprivate func encode(_ writer: inout WireWriter) {
    writer.string(1, name)
    writer.integer(2, byteOffset)
    writer.integer(3, count)
    writer.integer(4, element == .float32 ? 0 : 1)
  }
}

extension WireWriter {
  /// Fields 1, 2, … in order.
  mutating func integers(_ values: [Int]) {
    for (index, value) in values.enumerated() { integer(UInt32(index + 1), value) }
  }

  mutating func frame(_ field: UInt32, _ frame: Frame) {
    message(field) {
      $0.bool(1, frame.transposed)
      $0.bool(2, frame.halfTurned)
    }
  }
}
