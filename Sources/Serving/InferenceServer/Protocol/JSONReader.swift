import Glibc
import Tensors

/// A value of a JSON document. Objects keep their members' order; no key is there twice.
enum JSONNode: Sendable, Hashable {
  case null
  case bool(Bool)
  /// As it is written.
  case number(String)
  case string(String)
  case array([JSONNode])
  case object([Member])

  struct Member: Sendable, Hashable {
    let key: String
    let value: JSONNode
  }

  subscript(key: String) -> JSONNode? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
}

/// Reads JSON (RFC 8259) strictly and in bounds: depth, nodes and numbers are limited, keys are unique, text is UTF-8.
///
/// Arrays of numbers under the key `data` become float32 at once, each rounded once from its decimal digits: no node a
/// number.
struct JSONReader {
  static let maxDepth = 64
  static let maxNodes = 20_000

  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var nodes = 0
  /// The numbers of the `data` arrays, in the document's order.
  private(set) var data: [[Float]] = []

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The document, and its `data` arrays: in their place stands a number, their index.
  ///
  /// Throws `invalid` with the byte where the text is wrong.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> (JSONNode, data: [[Float]]) {
    var reader = JSONReader(bytes)
    let node = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == bytes.count else { throw reader.error("text follows the document") }
    return (node, reader.data)
  }

  private func error(_ what: String) -> ServingError {
    ServingError(.invalid, "The JSON is malformed at byte \(position): \(what).")
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard current == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws -> JSONNode {
    guard depth < Self.maxDepth else { throw error("nested more than \(Self.maxDepth) deep") }
    nodes += 1
    guard nodes <= Self.maxNodes else { throw error("more than \(Self.maxNodes) values") }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return .number(String(decoding: try number(), as: UTF8.self))
    }
  }

  private mutating func literal(_ text: StaticString, _ node: JSONNode) throws -> JSONNode {
    let end = position + text.utf8CodeUnitCount
    let isThere = text.withUTF8Buffer { end <= bytes.count && bytes[position..<end].elementsEqual($0) }
    guard isThere else { throw error("no value starts so") }
    position = end
    return node
  }

  private mutating func object(depth: Int) throws -> JSONNode {
    position += 1
    var members: [JSONNode.Member] = []
    var keys: Set<String> = []
    skipSpace()
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw error("a key is missing") }
      let key = try string()
      guard keys.insert(key).inserted else { throw error("the key is there twice") }
      skipSpace()
      guard take(":") else { throw error("a colon is missing") }
      members.append(JSONNode.Member(key: key, value: try member(key, depth: depth + 1)))
      skipSpace()
    } while take(",")
    guard take("}") else { throw error("an object does not end") }
    return .object(members)
  }

  private mutating func member(_ key: String, depth: Int) throws -> JSONNode {
    skipSpace()
    guard key == "data", current == UInt8(ascii: "[") else { return try value(depth: depth) }
    var numbers: [Float] = []
    try floats(into: &numbers, depth: depth)
    data.append(numbers)
    return .number(String(data.count - 1))
  }

  private mutating func array(depth: Int) throws -> JSONNode {
    position += 1
    var elements: [JSONNode] = []
    skipSpace()
    if take("]") { return .array([]) }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw error("an array does not end") }
    return .array(elements)
  }

  /// Numbers in nested arrays, row-major.
  private mutating func floats(into numbers: inout [Float], depth: Int) throws {
    guard depth < Self.maxDepth else { throw error("nested more than \(Self.maxDepth) deep") }
    position += 1
    skipSpace()
    if take("]") { return }
    repeat {
      skipSpace()
      if current == UInt8(ascii: "[") {
        try floats(into: &numbers, depth: depth + 1)
      } else {
        numbers.append(try float())
      }
      skipSpace()
    } while take(",")
    guard take("]") else { throw error("an array does not end") }
  }

  private mutating func float() throws -> Float {
    let text = try number()
    let value = withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { copy in
      for (index, byte) in text.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[text.count] = 0
      return copy.baseAddress.map { strtof($0, nil) } ?? .nan
    }
    guard value.isFinite else { throw error("a number is over the range of FP32") }
    return value
  }

  /// The bytes of a number, by RFC 8259's grammar.
  private mutating func number() throws -> UnsafeRawBufferPointer {
    let start = position
    _ = take("-")
    if !take("0") { try digits() }
    if take(".") { try digits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try digits()
    }
    guard position - start <= 512 else { throw error("a number of over 512 characters") }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  private mutating func digits() throws {
    let start = position
    while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw error("no value starts so") }
  }

  private mutating func string() throws -> String {
    position += 1
    let start = position
    var hasEscapes = false
    while let byte = current, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw error("a control character in a string") }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        position += 1
      }
      position += 1
    }
    guard position < bytes.count else { throw error("a string does not end") }
    let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    guard let text = String(validating: raw, as: UTF8.self) else { throw error("text that is not UTF-8") }
    position += 1
    return hasEscapes ? try unescape(text) : text
  }

  private func unescape(_ text: String) throws -> String {
    var units: [UInt16] = []
    var rest = text.utf16.makeIterator()
    while let unit = rest.next() {
      guard unit == 0x5C else {
        units.append(unit)
        continue
      }
      units.append(try escape(&rest))
    }
    guard let result = String(validating: units, as: UTF16.self) else { throw error("half of a surrogate pair") }
    return result
  }

  private func escape(_ rest: inout String.UTF16View.Iterator) throws -> UInt16 {
    switch rest.next() {
    case 0x22: return 0x22
    case 0x5C: return 0x5C
    case 0x2F: return 0x2F
    case 0x62: return 8
    case 0x66: return 12
    case 0x6E: return 10
    case 0x72: return 13
    case 0x74: return 9
    case 0x75:
      let digits = String(decoding: (0..<4).map { _ in rest.next() ?? 0 }, as: UTF16.self)
      guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit), let unit = UInt16(digits, radix: 16) else {
        throw error("a wrong escape")
      }
      return unit
    default: throw error("a wrong escape")
    }
  }
}
