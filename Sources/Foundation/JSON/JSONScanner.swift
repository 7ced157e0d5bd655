import Tensors

/// A strict forward scanner over one JSON text (RFC 8259) that a caller drives token by token.
///
/// It builds no tree and never recurses, so depth is what the caller asks for, and so is the memory; what to do about a
/// key that is there twice is the caller's decision as well. Foundation's decoder bounds neither.
/// The text must outlive the scanner.
package struct JSONScanner {
  let text: UnsafeRawBufferPointer
  /// Offset in bytes of the next byte to be read.
  package internal(set) var position = 0
  /// Offset of the text in its file, for the place of errors.
  private let fileOffset: Int
  private let wording: JSONFailure.Wording

  /// - Parameter wording: makes the errors that this scanner throws.
  package init(_ text: UnsafeRawBufferPointer, wording: @escaping JSONFailure.Wording) {
    self.text = text
    self.wording = wording
    fileOffset = 0
  }

  /// A scanner of a file's text, whose errors are those of ``JSONFailure/error(fileOffset:)``.
  /// - Parameter fileOffset: where in its file the text starts, in bytes.
  package init(_ text: UnsafeRawBufferPointer, fileOffset: Int = 0) {
    self.text = text
    self.fileOffset = fileOffset
    wording = { $0.error(fileOffset: fileOffset) }
  }

  /// An error of the caller's at the next byte, for a text that is well-formed but not what it should be.
  package func error(_ code: EVSSMError.Code, _ message: String, limit: String? = nil) -> EVSSMError {
    EVSSMError(code, message, place: .init(byteOffset: UInt64(fileOffset + position)), limit: limit)
  }

  func failure(_ reason: JSONFailure.Reason) -> any Error {
    wording(JSONFailure(position: position, reason: reason))
  }

  func syntaxError(_ expected: String) -> any Error { failure(.expected(expected)) }

  /// The next byte of the text as it is, white space included; nil at the end.
  var current: UInt8? { position < text.count ? text[position] : nil }

  /// The next byte after white space, not consumed; nil at the end.
  package mutating func peek() -> UInt8? {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case let byte: return byte
      }
    }
    return nil
  }

  /// Consumes `byte` if it is the next one after white space.
  package mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard let next = peek(), next == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  package mutating func expect(_ byte: Unicode.Scalar) throws {
    if !take(byte) { throw syntaxError("'\(byte)'") }
  }

  /// Throws unless only white space is left.
  package mutating func expectEnd() throws {
    if peek() != nil { throw syntaxError("the end of the text") }
  }

  /// Calls `member` at each value of an object, with the key. `member` must consume the value.
  package mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  /// Calls `element` at each value of an array. `element` must consume the value.
  package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
    try expect("[")
    if take("]") { return }
    repeat { try element(&self) } while take(",")
    try expect("]")
  }

  /// Consumes `true`, `false` or `null`: whichever `word` says.
  mutating func literal(_ word: StaticString) throws {
    let end = position + word.utf8CodeUnitCount
    let isThere = word.withUTF8Buffer { end <= text.count && text[position..<end].elementsEqual($0) }
    guard isThere else { throw syntaxError("a value") }
    position = end
  }

  /// Consumes a value that is not an object or an array, whatever it is.
  package mutating func skipScalar() throws {
    guard let next = peek() else { throw syntaxError("a value") }
    switch next {
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try number()
    default: throw syntaxError("a string, a number, true, false or null")
    }
  }
}
