import Tensors

/// The Python dictionary at the start of a .npy file: exactly descr, fortran_order and shape, each once, in any order.
struct NumpyHeader {
  private(set) var shape: [Int] = []
  private(set) var dtype = DType.float32
  /// Fortran order: the first axis is the fastest.
  private(set) var isColumnMajor = false
  private let text: [UInt8]
  private var position = 0
  private var seen: Set<String> = []

  init(_ text: [UInt8]) throws {
    self.text = text
    try expect("{")
    while !take("}") {
      try member()
      if !take(",") {
        try expect("}")
        break
      }
    }
    guard next() == nil, seen.count == 3 else { throw error("descr, fortran_order and shape and nothing else") }
  }

  private func error(_ expected: String) -> EVSSMError {
    EVSSMError(
      "npy.header", "The header is malformed: expected \(expected). Save the array again with numpy.save.",
      place: .init(byteOffset: UInt64(position)))
  }

  /// The next byte after white space, not consumed.
  private mutating func next() -> UInt8? {
    while position < text.count, text[position] == 0x20 || text[position] == 0x0A { position += 1 }
    return position < text.count ? text[position] : nil
  }

  private mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard next() == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: Unicode.Scalar) throws {
    if !take(byte) { throw error("'\(byte)'") }
  }

  private mutating func member() throws {
    let key = try string()
    guard seen.insert(key).inserted else { throw error("each key once") }
    try expect(":")
    switch key {
    case "descr": try descriptor()
    case "fortran_order": try order()
    case "shape": try readShape()
    default: throw error("descr, fortran_order or shape")
    }
  }

  private mutating func descriptor() throws {
    guard next() != UInt8(ascii: "[") else { throw unsupported("structured") }
    let type = try string()
    guard let dtype = Self.types.first(where: { $0.value == type })?.key else {
      throw unsupported("'\(EVSSMError.escaped(type))'")
    }
    self.dtype = dtype
  }

  /// NumPy's names for element types.
  static let types: [DType: String] = [
    .float16: "<f2", .float32: "<f4", .float64: "<f8", .int8: "|i1", .int16: "<i2", .int32: "<i4", .int64: "<i8",
    .uint8: "|u1", .uint16: "<u2", .uint32: "<u4", .uint64: "<u8", .bool: "|b1",
  ]

  private func unsupported(_ type: String) -> EVSSMError { Self.unsupported(type) }

  static func unsupported(_ type: String) -> EVSSMError {
    EVSSMError(
      "npy.unsupported-dtype",
      "Arrays of type \(type) are not read. Save it as little-endian float32: array.astype('<f4').")
  }

  private mutating func order() throws {
    let word = word()
    guard word == "True" || word == "False" else { throw error("True or False") }
    isColumnMajor = word == "True"
  }

  private mutating func readShape() throws {
    try expect("(")
    while !take(")") {
      try Limits.check(shape.count + 1, atMost: Limits.maxRank, name: "max_rank", "The rank of the array")
      shape.append(try integer())
      if !take(",") {
        if shape.count == 1 { throw error("a comma after the only dimension") }
        try expect(")")
        break
      }
    }
  }

  private mutating func integer() throws -> Int {
    let digits = word()
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(digits) else {
      throw error("a dimension that fits in 63 bits")
    }
    try Limits.check(value, atMost: Limits.maxDimension, name: "max_dimension", "A dimension")
    return value
  }

  private mutating func word() -> String {
    _ = next()
    let start = position
    while position < text.count, isWord(text[position]) { position += 1 }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  /// A string in single or double quotes without escapes.
  private mutating func string() throws -> String {
    guard let quote = next(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { throw error("a string") }
    let start = position + 1
    guard let end = text[start...].firstIndex(of: quote) else { throw error("the end of a string") }
    position = end + 1
    let bytes = text[start..<end]
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x5C }) else { throw error("plain ASCII") }
    return String(decoding: bytes, as: UTF8.self)
  }
}
