import Tensors

/// A strict forward scanner over one JSON text (RFC 8259) that a caller drives token by token.
///
/// It builds no tree and never recurses, so depth is what the caller asks for; numbers are non-negative integers only.
/// The text must outlive the scanner.
struct JSONScanner {
  private let text: UnsafeRawBufferPointer
  private(set) var position = 0
  /// Offset of the text in its file, for the place of errors.
  private let fileOffset: Int

  init(_ text: UnsafeRawBufferPointer, fileOffset: Int = 0) {
    self.text = text
    self.fileOffset = fileOffset
  }

  func error(_ code: EVSSMError.Code, _ message: String, limit: String? = nil) -> EVSSMError {
    EVSSMError(code, message, place: .init(byteOffset: UInt64(fileOffset + position)), limit: limit)
  }

  private func syntaxError(_ expected: String) -> EVSSMError {
    error("json.syntax", "The JSON text is malformed here: expected \(expected). Write the file again.")
  }

  /// The next byte after white space, not consumed; nil at the end.
  mutating func peek() -> UInt8? {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case let byte: return byte
      }
    }
    return nil
  }

  /// Consumes `byte` if it is the next one.
  mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard let next = peek(), next == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ byte: Unicode.Scalar) throws {
    if !take(byte) { throw syntaxError("'\(byte)'") }
  }

  mutating func expectEnd() throws {
    if peek() != nil { throw syntaxError("the end of the text") }
  }

  /// Calls `member` at each value of an object, with the key. `member` must consume the value.
  mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  /// An array of non-negative integers, at most `maximum` of them.
  mutating func integers(atMost maximum: Int, limit: String) throws -> [Int] {
    var values: [Int] = []
    try expect("[")
    if take("]") { return values }
    repeat {
      if values.count == maximum {
        throw error("limit.exceeded", "This array has more than \(maximum) elements.", limit: limit)
      }
      values.append(try integer())
    } while take(",")
    try expect("]")
    return values
  }

  /// A non-negative integer: digits without sign, fraction, exponent or leading zero.
  mutating func integer() throws -> Int {
    guard let first = peek(), isDigit(first) else { throw syntaxError("a non-negative integer") }
    let start = position
    var value = 0
    while position < text.count, isDigit(text[position]) {
      let digit = Int(text[position] - UInt8(ascii: "0"))
      value = try Checked.add(Checked.multiply(value, 10, "An integer"), digit, "An integer")
      position += 1
    }
    if first == UInt8(ascii: "0"), position > start + 1 { throw syntaxError("an integer without leading zeros") }
    if position < text.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(text[position]) {
      throw syntaxError("an integer, not a fraction")
    }
    return value
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  /// Consumes a value that is not an object or an array, whatever it is.
  mutating func skipScalar() throws {
    guard let next = peek() else { throw syntaxError("a value") }
    if next == UInt8(ascii: "\"") {
      _ = try string()
      return
    }
    let start = position
    while position < text.count, isScalarByte(text[position]) { position += 1 }
    if position == start { throw syntaxError("a string, a number, true, false or null") }
  }

  private func isScalarByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x61...0x7A, 0x2B, 0x2D, 0x2E, 0x45: true
    default: false
    }
  }

  /// A string: valid UTF-8, no raw control characters, whole surrogate pairs.
  mutating func string() throws -> String {
    try expect("\"")
    let start = position
    try skipPlain()
    if position < text.count, text[position] == UInt8(ascii: "\"") {
      position += 1
      return try validated(text[start..<position - 1])
    }
    var bytes = [UInt8](text[start..<position])
    while try unescape(into: &bytes) {}
    return try bytes.withUnsafeBytes { try validated($0[...]) }
  }

  private func validated(_ bytes: Slice<UnsafeRawBufferPointer>) throws -> String {
    let units = UnsafeRawBufferPointer(rebasing: bytes).assumingMemoryBound(to: UInt8.self)
    guard let value = String(validating: units, as: UTF8.self) else { throw syntaxError("a string in UTF-8") }
    return value
  }

  /// Consumes an escape and the plain text after it; false once the closing quote was consumed.
  private mutating func unescape(into bytes: inout [UInt8]) throws -> Bool {
    guard position < text.count else { throw syntaxError("the end of a string") }
    switch text[position] {
    case UInt8(ascii: "\""):
      position += 1
      return false
    case UInt8(ascii: "\\"):
      position += 1
      bytes.append(contentsOf: Array(String(try escapedScalar()).utf8))
    default: throw syntaxError("no control character inside a string")
    }
    let start = position
    try skipPlain()
    bytes.append(contentsOf: text[start..<position])
    return true
  }

  private mutating func escapedScalar() throws -> Unicode.Scalar {
    guard position < text.count else { throw syntaxError("an escape sequence") }
    let kind = text[position]
    position += 1
    switch kind {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw syntaxError("an escape sequence")
    }
  }

  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    let unit = try hexadecimalUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard unit < 0xDC00, position + 1 < text.count, text[position] == UInt8(ascii: "\\"),
      text[position + 1] == UInt8(ascii: "u")
    else { throw syntaxError("a whole surrogate pair") }
    position += 2
    let low = try hexadecimalUnit()
    guard (0xDC00..<0xE000).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    else { throw syntaxError("a whole surrogate pair") }
    return scalar
  }

  private mutating func hexadecimalUnit() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < text.count, let digit = Character(Unicode.Scalar(text[position])).hexDigitValue else {
        throw syntaxError("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// Moves to the next quote, backslash or control character, eight bytes at a time.
  private mutating func skipPlain() throws {
    while position + 8 <= text.count,
      !hasSpecialByte(text.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    { position += 8 }
    while position < text.count {
      let byte = text[position]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      position += 1
    }
    throw syntaxError("the end of a string")
  }

  /// Whether one of eight bytes is below 0x20, a quote or a backslash.
  private func hasSpecialByte(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let below = (word &- ones &* 0x20) & ~word
    return (below | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & (ones &* 0x80) != 0
  }
}
