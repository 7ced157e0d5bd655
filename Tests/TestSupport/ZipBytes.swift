/// Little-endian fields for the builders.
extension [UInt8] {
  package mutating func put16(_ value: Int) { put(UInt64(value), 2) }
  package mutating func put32(_ value: Int) { put(UInt64(value), 4) }
  package mutating func put64(_ value: UInt64) { put(value, 8) }

  private mutating func put(_ value: UInt64, _ count: Int) {
    for i in 0..<count { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }

  package static func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) } }
  }
}

/// CRC-32 of ISO 3309, as zip uses it.
package enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
  }

  package static func of(_ bytes: [UInt8]) -> Int {
    var value = UInt32.max
    bytes.withUnsafeBufferPointer { buffer in
      table.withUnsafeBufferPointer { table in
        for byte in buffer { value = table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ value >> 8 }
      }
    }
    return Int(~value)
  }
}

/// Deflate streams (RFC 1951) made by hand.
package enum Deflate {
  /// One stored block; at most 65,535 bytes.
  package static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [1]
    out.put16(bytes.count)
    out.put16(~bytes.count & 0xFFFF)
    return out + bytes
  }

  /// `1 + 258 * runs` zeros in fixed codes: 13 bits for each run of 258.
  package static func zeros(runs: Int) -> [UInt8] {
    var out: [UInt8] = []
    var bits = 0
    var held: UInt64 = 0
    func flush() {
      while bits >= 8 {
        out.append(UInt8(truncatingIfNeeded: held))
        held >>= 8
        bits -= 8
      }
    }
    func put(_ value: UInt64, _ count: Int) {
      held |= value << UInt64(bits)
      bits += count
      flush()
    }
    put(0b011, 3)
    put(0b0000_1100, 8)
    // Length 258 is symbol 285, code 11000101 read from the top; distance 1 is code 00000.
    for _ in 0..<runs { put(0b1010_0011, 13) }
    put(0, 7 + 7)
    return out
  }
}

extension CRC32 {
  /// The checksum of `count` zero bytes, by squaring the matrix of one zero bit. O(log count).
  package static func ofZeros(_ count: Int) -> Int {
    var operators: [UInt32] = (0..<32).map { $0 == 0 ? 0xEDB8_8320 : 1 << ($0 - 1) }
    var value = UInt32.max
    var bits = count * 8
    while bits > 0 {
      if bits & 1 == 1 { value = apply(operators, to: value) }
      operators = operators.map { apply(operators, to: $0) }
      bits >>= 1
    }
    return Int(~value)
  }

  private static func apply(_ matrix: [UInt32], to vector: UInt32) -> UInt32 {
    (0..<32).reduce(0) { vector >> UInt32($1) & 1 == 1 ? $0 ^ matrix[$1] : $0 }
  }
}
