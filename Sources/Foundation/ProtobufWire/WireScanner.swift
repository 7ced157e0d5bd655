import CProtobufC
import Glibc
import Tensors

/// Walks a message on the wire, without recursion and without allocating for its content, before protobuf-c unpacks it.
///
/// protobuf-c recurses without a limit, can allocate more than a hundred times the bytes it reads, and cuts strings at
/// a zero byte.
package struct WireScanner {
  private struct Frame {
    var end: Int
    var descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    /// Bits of the singular fields that were met, by index in the descriptor.
    var seen: UInt64 = 0
    /// Bytes that protobuf-c needs only while it parses this message.
    var transientBytes = 0
  }

  private var reader: WireReader
  private let limits: WireLimits
  private var stack: [Frame]
  private var messages = 0
  private var unpackedBytes = 0

  /// Throws unless `bytes` is one well-formed message of the descriptor's type within the limits: wire types match the
  /// schema, singular fields occur once, strings are UTF-8 without zero bytes.
  ///
  /// - Complexity: O(bytes).
  package static func scan(
    _ bytes: UnsafeRawBufferPointer, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>, limits: WireLimits
  ) throws {
    var scanner = WireScanner(bytes, descriptor, limits)
    try scanner.scan()
  }

  private init(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, _ limits: WireLimits
  ) {
    reader = WireReader(bytes: bytes)
    self.limits = limits
    stack = [Frame(end: bytes.count, descriptor: descriptor)]
  }

  private mutating func scan() throws {
    try charge(stack[0].descriptor.pointee.sizeof_message)
    while let frame = stack.last {
      if reader.position == frame.end { leave(frame) } else { try scanField(frame) }
    }
  }

  private mutating func scanField(_ frame: Frame) throws {
    let start = reader.position
    let (number, wireType) = try reader.tag(before: frame.end)
    // What protobuf-c keeps for every field while it parses a message.
    try charge(64)
    stack[stack.count - 1].transientBytes += 64
    guard let field = protobuf_c_message_descriptor_get_field(frame.descriptor, number) else {
      return try scanUnknown(number, wireType, frame, start)
    }
    try checkSingular(field, frame, start)
    if field.pointee.type == PROTOBUF_C_TYPE_MESSAGE, wireType == 2 { return try enter(field, frame) }
    let value = try reader.value(wireType: wireType, before: frame.end)
    try checkValue(field, wireType, value)
  }

  private mutating func leave(_ frame: Frame) {
    unpackedBytes -= frame.transientBytes
    stack.removeLast()
  }

  private mutating func scanUnknown(_ number: UInt32, _ wireType: Int, _ frame: Frame, _ start: Int) throws {
    if limits.refusesUnknownFields {
      throw WireReader.error("protobuf.unknown-field", "Field \(number) is unknown to this version.", at: start)
    }
    try charge(reader.value(wireType: wireType, before: frame.end).count + 64)
  }

  /// protobuf-c merges a singular message that occurs again, at the cost of both.
  private mutating func checkSingular(
    _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ frame: Frame, _ start: Int
  ) throws {
    guard field.pointee.label != PROTOBUF_C_LABEL_REPEATED, let fields = frame.descriptor.pointee.fields else { return }
    let index = field - fields
    guard index < 64 else { return }
    guard frame.seen & (1 << UInt64(index)) == 0 else {
      throw WireReader.error(
        "protobuf.duplicate-field", "Field \(field.pointee.id) occurs twice in one message.", at: start)
    }
    stack[stack.count - 1].seen |= 1 << UInt64(index)
  }

  private mutating func enter(_ field: UnsafePointer<ProtobufCFieldDescriptor>, _ frame: Frame) throws {
    let body = try reader.value(wireType: 2, before: frame.end)
    guard let descriptor = field.pointee.descriptor?.assumingMemoryBound(to: ProtobufCMessageDescriptor.self) else {
      return
    }
    messages += 1
    try Limits.check(messages, atMost: limits.messages, name: "max_protobuf_messages", "The count of sub-messages")
    try Limits.check(stack.count + 1, atMost: limits.depth, name: "max_protobuf_depth", "The depth of sub-messages")
    try charge(descriptor.pointee.sizeof_message + 32)
    reader.position = body.lowerBound
    stack.append(Frame(end: body.upperBound, descriptor: descriptor))
  }

  private mutating func checkValue(
    _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ wireType: Int, _ value: Range<Int>
  ) throws {
    let type = field.pointee.type
    let expected = Self.wireType(type)
    let isPacked = wireType == 2 && expected != 2 && field.pointee.label == PROTOBUF_C_LABEL_REPEATED
    guard wireType == expected || isPacked else {
      throw WireReader.error(
        "protobuf.wire-type", "Field \(field.pointee.id) has wire type \(wireType), not \(expected).",
        at: value.lowerBound)
    }
    if type == PROTOBUF_C_TYPE_STRING { try checkString(value) }
    if isPacked { return try charge(unpackedBytes(field, value)) }
    // An allocation of its own for texts and bytes, a place in a list that grows by doubling for numbers.
    try charge(expected == 2 ? value.count + 24 : 16)
  }

  /// What a packed list takes in memory; its numbers must be whole.
  private mutating func unpackedBytes(_ field: UnsafePointer<ProtobufCFieldDescriptor>, _ value: Range<Int>) throws
    -> Int
  {
    let size = Self.elementSize(field.pointee.type)
    if Self.wireType(field.pointee.type) != 0 {
      guard value.count % size == 0 else {
        throw WireReader.error("protobuf.truncated", "A list ends inside a number.", at: value.lowerBound)
      }
      return value.count
    }
    var inner = reader
    inner.position = value.lowerBound
    var count = 0
    while inner.position < value.upperBound {
      _ = try inner.varint(before: value.upperBound)
      count += 1
    }
    return try Checked.multiply(count, size)
  }

  private func checkString(_ range: Range<Int>) throws {
    let text = UnsafeRawBufferPointer(rebasing: reader.bytes[range])
    if let start = text.baseAddress, memchr(start, 0, text.count) != nil {
      throw WireReader.error("protobuf.string-zero-byte", "A text contains a zero byte.", at: range.lowerBound)
    }
    if String(validating: text, as: UTF8.self) == nil {
      throw WireReader.error("protobuf.string-encoding", "A text is not UTF-8.", at: range.lowerBound)
    }
  }

  private mutating func charge(_ bytes: Int) throws {
    unpackedBytes = try Checked.add(unpackedBytes, bytes)
    try Limits.check(
      unpackedBytes, atMost: limits.unpackedBytes, name: "max_protobuf_bytes", "The unpacked size of a message")
  }

  /// Bytes of a number in memory.
  private static func elementSize(_ type: ProtobufCType) -> Int {
    switch type {
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64,
      PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE:
      8
    default: 4
    }
  }

  private static func wireType(_ type: ProtobufCType) -> Int {
    switch type {
    case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE: 1
    case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_MESSAGE: 2
    case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT: 5
    default: 0
    }
  }
}
