/// JSON that is written: members in the order given.
package indirect enum JSONText: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  case string(String)
  case integer(Int)
  case unsigned(UInt64)
  case bool(Bool)
  /// Finite numbers, each in the fewest digits that give it back.
  case floats([Float])
  case array([JSONText])
  case object([(String, JSONText)])

  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONText...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONText)...) { self = .object(elements) }

  /// The text in UTF-8.
  package var bytes: [UInt8] {
    var out: [UInt8] = []
    write(to: &out)
    return out
  }

  private func write(to out: inout [UInt8]) {
    switch self {
    case .string(let text): Self.quote(text, to: &out)
    case .integer(let value): out += String(value).utf8
    case .unsigned(let value): out += String(value).utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .floats(let values):
      out.reserveCapacity(out.count + 12 * values.count)
      Self.list(values, "[", "]", to: &out) { $1 += $0.description.utf8 }
    case .array(let elements): Self.list(elements, "[", "]", to: &out) { $0.write(to: &$1) }
    case .object(let members):
      Self.list(members, "{", "}", to: &out) { member, out in
        Self.quote(member.0, to: &out)
        out.append(UInt8(ascii: ":"))
        member.1.write(to: &out)
      }
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ open: Unicode.Scalar, _ close: Unicode.Scalar, to out: inout [UInt8],
    _ write: (Element, inout [UInt8]) -> Void
  ) {
    out.append(UInt8(ascii: open))
    for (index, element) in elements.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      write(element, &out)
    }
    out.append(UInt8(ascii: close))
  }

  private static func quote(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        out += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
