/// How JSON is written. Members keep their order; integers are written as they are, other numbers in the fewest digits
/// that give them back: the same value gives the same bytes.
package struct JSONStyle: Sendable, Hashable {
  /// Whether a space follows commas and colons.
  package var isSpaced: Bool
  /// Whether the character DEL is escaped, as control characters always are.
  package var escapesDelete: Bool

  package init(isSpaced: Bool, escapesDelete: Bool) {
    self.isSpaced = isSpaced
    self.escapesDelete = escapesDelete
  }

  /// For people: a space after commas and colons.
  package static let spaced = JSONStyle(isSpaced: true, escapesDelete: true)
  /// For programs: no spaces.
  package static let compact = JSONStyle(isSpaced: false, escapesDelete: true)
}

extension JSONValue {
  /// The value in one line with spaces, as people read it. Depth is that of the program's own data: small.
  package var text: String { String(decoding: bytes(.spaced), as: UTF8.self) }

  /// The value in one line of UTF-8.
  /// - Complexity: O(bytes).
  package func bytes(_ style: JSONStyle = .compact) -> [UInt8] {
    var writer = Writer(style: style)
    writer.write(self)
    return writer.bytes
  }
}

private struct Writer {
  let style: JSONStyle
  var bytes: [UInt8] = []

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .unsigned(let value): bytes += String(value).utf8
    case .number(let value): bytes += (value.isFinite ? value.description : "null").utf8
    case .floats(let values):
      bytes.reserveCapacity(bytes.count + 12 * values.count)
      list(values, "[", "]") { $0.bytes += $1.description.utf8 }
    case .string(let text): quote(text)
    case .array(let elements): list(elements, "[", "]") { $0.write($1) }
    case .object(let members):
      list(members, "{", "}") { writer, member in
        writer.quote(member.name)
        writer.separate(":")
        writer.write(member.value)
      }
    }
  }

  private mutating func list<Element>(
    _ elements: [Element], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ write: (inout Writer, Element) -> Void
  ) {
    bytes.append(UInt8(ascii: open))
    for (index, element) in elements.enumerated() {
      if index > 0 { separate(",") }
      write(&self, element)
    }
    bytes.append(UInt8(ascii: close))
  }

  private mutating func separate(_ separator: Unicode.Scalar) {
    bytes.append(UInt8(ascii: separator))
    if style.isSpaced { bytes.append(UInt8(ascii: " ")) }
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: escape(byte)
      case 0x7F where style.escapesDelete: escape(byte)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) {
    let digits = String(byte, radix: 16)
    bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
  }
}
