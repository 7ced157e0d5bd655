import Tensors

/// Reads protobuf's wire format from bytes in memory. Source: protobuf.dev, "Encoding".
struct WireReader {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  static func error(_ code: EVSSMError.Code, _ message: String, at position: Int) -> EVSSMError {
    EVSSMError(
      code, message + " The file is damaged or was not written by a conforming program.",
      place: .init(byteOffset: UInt64(position)))
  }

  /// A varint of at most 10 bytes, and no longer than need be, that ends before `end`.
  mutating func varint(before end: Int) throws -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard position < end else { throw Self.error("protobuf.truncated", "A number ends too early.", at: start) }
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { break }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte >= 0x80 { continue }
      if byte == 0, shift > 0 { break }
      return value
    }
    throw Self.error("protobuf.varint", "A number has more than 64 bits, or zeros in front.", at: start)
  }

  /// A field's number (1 to 2^29 − 1) and wire type (0, 1, 2 or 5).
  mutating func tag(before end: Int) throws -> (field: UInt32, wireType: Int) {
    let start = position
    let tag = try varint(before: end)
    guard let tag = UInt32(exactly: tag), tag >> 3 > 0 else {
      throw Self.error("protobuf.field-number", "A field has no valid number.", at: start)
    }
    guard [0, 1, 2, 5].contains(tag & 7) else {
      throw Self.error("protobuf.wire-type", "Field \(tag >> 3) has wire type \(tag & 7).", at: start)
    }
    return (tag >> 3, Int(tag & 7))
  }

  /// Moves over the value of a field that is not a message; gives its bytes (without a length prefix).
  mutating func value(wireType: Int, before end: Int) throws -> Range<Int> {
    let start = position
    switch wireType {
    case 0:
      _ = try varint(before: end)
      return start..<position
    case 1: return try take(8, before: end)
    case 5: return try take(4, before: end)
    default: return try lengthPrefixed(before: end)
    }
  }

  private mutating func lengthPrefixed(before end: Int) throws -> Range<Int> {
    let start = position
    let length = try varint(before: end)
    guard length <= UInt64(end - position) else {
      throw Self.error("protobuf.truncated", "A field of \(length) bytes does not fit in the rest.", at: start)
    }
    return try take(Int(length), before: end)
  }

  private mutating func take(_ count: Int, before end: Int) throws -> Range<Int> {
    guard count <= end - position else {
      throw Self.error("protobuf.truncated", "A field of \(count) bytes does not fit in the rest.", at: position)
    }
    defer { position += count }
    return position..<position + count
  }
}
