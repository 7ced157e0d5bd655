import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension JSONScanner {
  /// An array of non-negative integers, at most `maximum` of them.
  /// - Parameter limit: the published name of `maximum`, for the error `limit.exceeded`.
  package mutating func integers(atMost maximum: Int, limit: String) throws -> [Int] {
    var values: [Int] = []
    try array { scanner in
      if values.count == maximum {
        throw scanner.error("limit.exceeded", "This array has more than \(maximum) elements.", limit: limit)
      }
      values.append(try scanner.integer())
    }
    return values
  }

  /// A non-negative integer: digits without sign, fraction, exponent or leading zero.
  /// - Throws: the scanner's error, or `size.overflow` for integers of over 63 bits.
  package mutating func integer() throws -> Int {
    guard let first = peek(), isDigit(first) else { throw syntaxError("a non-negative integer") }
    let start = position
    var value = 0
    while let byte = current, isDigit(byte) {
      let digit = Int(byte - UInt8(ascii: "0"))
      value = try Checked.add(Checked.multiply(value, 10, "An integer"), digit, "An integer")
      position += 1
    }
    if first == UInt8(ascii: "0"), position > start + 1 { throw syntaxError("an integer without leading zeros") }
    if let byte = current, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(byte) {
      throw syntaxError("an integer, not a fraction")
    }
    return value
  }

  /// The bytes of a number, by RFC 8259's grammar.
  package mutating func number() throws -> UnsafeRawBufferPointer {
    _ = peek()
    let start = position
    _ = takeHere("-")
    if !takeHere("0") { try digits() }
    if takeHere(".") { try digits() }
    if takeHere("e") || takeHere("E") {
      if !takeHere("+") { _ = takeHere("-") }
      try digits()
    }
    return UnsafeRawBufferPointer(rebasing: text[start..<position])
  }

  /// A number rounded once from its decimal digits to float32.
  /// - Throws: the scanner's error, also for numbers over the range of float32 and those longer than `maxLength`.
  mutating func float(maxLength: Int) throws -> Float {
    let digits = try number(maxLength: maxLength)
    let value = withUnsafeTemporaryAllocation(of: CChar.self, capacity: digits.count + 1) { copy in
      for (index, byte) in digits.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[digits.count] = 0
      return copy.baseAddress.map { strtof($0, nil) } ?? .nan
    }
    guard value.isFinite else { throw failure(.limit("a number over the range of FP32")) }
    return value
  }

  mutating func number(maxLength: Int) throws -> UnsafeRawBufferPointer {
    let digits = try number()
    guard digits.count <= maxLength else { throw failure(.limit("a number of over \(maxLength) characters")) }
    return digits
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  /// Consumes `byte` if it stands exactly here.
  private mutating func takeHere(_ byte: Unicode.Scalar) -> Bool {
    guard current == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  private mutating func digits() throws {
    let start = position
    while let byte = current, isDigit(byte) { position += 1 }
    guard position > start else { throw syntaxError(current == nil ? "a value" : "a digit") }
  }
}
