/// Writes protobuf's wire format. The same calls give the same bytes; scalar fields of value zero are left out, as in
/// proto3.
package struct WireWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func integer(_ field: UInt32, _ value: Int) {
    guard value != 0 else { return }
    tag(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  package mutating func unsigned(_ field: UInt32, _ value: UInt64) {
    guard value != 0 else { return }
    tag(field, 0)
    varint(value)
  }

  /// A field that is written even when it is zero, as proto2 tells zero from absent.
  package mutating func explicit(_ field: UInt32, _ value: Int) {
    tag(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// A field that is written even when it is zero.
  package mutating func explicit(_ field: UInt32, _ value: Float) {
    tag(field, 5)
    append(value.bitPattern)
  }

  /// A string that is written even when it is empty.
  package mutating func text(_ field: UInt32, _ value: String) { data(field, Array(value.utf8)) }

  /// The tag and length of a field whose `byteCount` bytes are written by other means.
  package mutating func lengthDelimited(_ field: UInt32, byteCount: Int) {
    tag(field, 2)
    varint(UInt64(byteCount))
  }

  package mutating func bool(_ field: UInt32, _ value: Bool) { integer(field, value ? 1 : 0) }

  package mutating func float(_ field: UInt32, _ value: Float) {
    guard value.bitPattern != 0 else { return }
    tag(field, 5)
    append(value.bitPattern)
  }

  package mutating func string(_ field: UInt32, _ value: String) {
    if !value.isEmpty { data(field, Array(value.utf8)) }
  }

  package mutating func data(_ field: UInt32, _ value: [UInt8]) {
    tag(field, 2)
    varint(UInt64(value.count))
    bytes += value
  }

  /// A sub-message, written even when it is empty.
  package mutating func message(_ field: UInt32, _ body: (inout WireWriter) -> Void) {
    var inner = WireWriter()
    body(&inner)
    data(field, inner.bytes)
  }

  package mutating func packed(_ field: UInt32, _ values: [Int]) {
    packed(field, values.isEmpty) { inner in for value in values { inner.varint(UInt64(bitPattern: Int64(value))) } }
  }

  /// `sint64` values, in zigzag form.
  package mutating func packedSigned(_ field: UInt32, _ values: [Int]) {
    packed(field, values.isEmpty) { inner in
      for value in values { inner.varint(UInt64(bitPattern: Int64((value << 1) ^ (value >> 63)))) }
    }
  }

  package mutating func packed(_ field: UInt32, _ values: [Float]) {
    packed(field, values.isEmpty) { inner in for value in values { inner.append(value.bitPattern) } }
  }

  private mutating func packed(_ field: UInt32, _ isEmpty: Bool, _ body: (inout WireWriter) -> Void) {
    if !isEmpty { message(field, body) }
  }

  private mutating func tag(_ field: UInt32, _ wireType: UInt32) { varint(UInt64(field << 3 | wireType)) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func append(_ word: UInt32) {
    for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
  }
}
