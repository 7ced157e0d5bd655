extension JSONValue {
  /// Reads one JSON text whole: strictly, within `limits`, no key twice in an object.
  ///
  /// Integers that fit become ``integer(_:)`` or ``unsigned(_:)``, all other numbers ``number(_:)``.
  /// - Parameters:
  ///   - floatsKey: arrays of numbers, nested or not, under this key become one row-major ``floats(_:)`` at once,
  ///     each number rounded once from its decimal digits: no value a number.
  ///   - wording: makes the errors.
  /// - Complexity: O(text).
  package static func read(
    _ text: UnsafeRawBufferPointer, limits: JSONLimits, floatsKey: String? = nil,
    wording: @escaping JSONFailure.Wording
  ) throws -> JSONValue {
    var reader = Reader(limits: limits, floatsKey: floatsKey)
    var scanner = JSONScanner(text, wording: wording)
    let value = try reader.value(&scanner, depth: 0)
    try scanner.expectEnd()
    return value
  }
}

private struct Reader {
  let limits: JSONLimits
  let floatsKey: String?
  var valueCount = 0

  private func checkDepth(_ scanner: JSONScanner, _ depth: Int) throws {
    guard depth < limits.maxDepth else { throw scanner.failure(.limit("nested more than \(limits.maxDepth) deep")) }
  }

  mutating func value(_ scanner: inout JSONScanner, depth: Int) throws -> JSONValue {
    try checkDepth(scanner, depth)
    valueCount += 1
    guard valueCount <= limits.maxValueCount else {
      throw scanner.failure(.limit("more than \(limits.maxValueCount) values"))
    }
    guard let next = scanner.peek() else { throw scanner.syntaxError("a value") }
    switch next {
    case UInt8(ascii: "{"): return try object(&scanner, depth: depth)
    case UInt8(ascii: "["): return try array(&scanner, depth: depth)
    case UInt8(ascii: "\""): return .string(try scanner.string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true), &scanner)
    case UInt8(ascii: "f"): return try literal("false", .bool(false), &scanner)
    case UInt8(ascii: "n"): return try literal("null", .null, &scanner)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(&scanner)
    default: throw scanner.syntaxError("a value")
    }
  }

  private func literal(_ word: StaticString, _ value: JSONValue, _ scanner: inout JSONScanner) throws -> JSONValue {
    try scanner.literal(word)
    return value
  }

  private func number(_ scanner: inout JSONScanner) throws -> JSONValue {
    let digits = String(decoding: try scanner.number(maxLength: limits.maxNumberLength), as: UTF8.self)
    if let value = Int(digits) { return .integer(value) }
    if let value = UInt64(digits) { return .unsigned(value) }
    return .number(Double(digits) ?? .infinity)
  }

  private mutating func object(_ scanner: inout JSONScanner, depth: Int) throws -> JSONValue {
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    try scanner.object { scanner, name in
      guard names.insert(name).inserted else { throw scanner.syntaxError("a key that is not there already") }
      members.append((name, try member(name, &scanner, depth: depth + 1)))
    }
    return .object(members)
  }

  private mutating func member(_ name: String, _ scanner: inout JSONScanner, depth: Int) throws -> JSONValue {
    guard name == floatsKey, scanner.peek() == UInt8(ascii: "[") else { return try value(&scanner, depth: depth) }
    var numbers: [Float] = []
    try floats(&scanner, into: &numbers, depth: depth)
    return .floats(numbers)
  }

  private mutating func array(_ scanner: inout JSONScanner, depth: Int) throws -> JSONValue {
    var elements: [JSONValue] = []
    try scanner.array { elements.append(try value(&$0, depth: depth + 1)) }
    return .array(elements)
  }

  /// Numbers in nested arrays, row-major.
  private func floats(_ scanner: inout JSONScanner, into numbers: inout [Float], depth: Int) throws {
    try checkDepth(scanner, depth)
    try scanner.array { scanner in
      if scanner.peek() == UInt8(ascii: "[") {
        try floats(&scanner, into: &numbers, depth: depth + 1)
      } else {
        numbers.append(try scanner.float(maxLength: limits.maxNumberLength))
      }
    }
  }
}
