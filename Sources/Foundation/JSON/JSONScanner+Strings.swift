extension JSONScanner {
  /// A string: valid UTF-8, no raw control characters, whole surrogate pairs.
  package mutating func string() throws -> String {
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
