import TestSupport
import Testing

@testable import Imaging

/// PNG files made by hand: any chunks, any checksums, data in stored deflate blocks.
enum PNGBuilder {
  static func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

  /// Remainders of each byte, one bit at a time, for the polynomial of CRC-32.
  private static let remainders = (0..<256).map { index in
    var crc = UInt32(index)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    return crc
  }

  static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    remainders.withUnsafeBufferPointer { table in
      bytes.withUnsafeBufferPointer { bytes in
        for byte in bytes { crc = crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 255)] }
      }
    }
    return ~crc
  }

  static func adler(_ bytes: [UInt8]) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    return high << 16 | low
  }

  static func chunk(
    _ type: String, _ body: [UInt8] = [], length: UInt32? = nil, badCRC: Bool = false, crc given: UInt32? = nil
  ) -> [UInt8] {
    let covered = Array(type.utf8) + body
    let checksum = given ?? (crc(covered) ^ (badCRC ? 1 : 0))
    return bigEndian(length ?? UInt32(body.count)) + covered + bigEndian(checksum)
  }

  static func header(
    _ width: UInt32, _ height: UInt32, depth: UInt8 = 8, colour: UInt8 = 2, methods: [UInt8] = [0, 0, 0]
  ) -> [UInt8] { bigEndian(width) + bigEndian(height) + [depth, colour] + methods }

  /// A zlib stream (RFC 1950) of stored blocks.
  static func zlib(_ data: [UInt8], adlerChange: UInt32 = 0) -> [UInt8] {
    var out: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let end = min(start + 65_535, data.count)
      let (low, high) = (UInt8((end - start) & 255), UInt8((end - start) >> 8))
      out += [end == data.count ? 1 : 0, low, high, ~low, ~high] + data[start..<end]
      start = end
    } while start < data.count
    return out + bigEndian(adler(data) ^ adlerChange)
  }

  static let end = chunk("IEND")

  static func file(_ chunks: [UInt8]...) -> [UInt8] { chunks.reduce(into: PNGStructure.signature) { $0 += $1 } }

  /// Rows of bytes, each with filter 0 before it.
  static func rows(_ rows: [[UInt8]]) -> [UInt8] { rows.flatMap { [0] + $0 } }

  static func data(_ lines: [[UInt8]]) -> [UInt8] { chunk("IDAT", zlib(rows(lines))) }

  /// The seven passes of Adam7 of a picture of whole-byte pixels.
  static func interlaced(_ width: Int, _ height: Int, _ pixel: (Int, Int) -> [UInt8]) -> [UInt8] {
    let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    var lines: [[UInt8]] = []
    for (x, y, stepX, stepY) in passes where x < width {
      for row in stride(from: y, to: height, by: stepY) {
        lines.append(stride(from: x, to: width, by: stepX).flatMap { pixel($0, row) })
      }
    }
    return data(lines)
  }

  /// Two by two pixels: 1...12.
  static let smallRGB: [UInt8] = Array(1...12)
  static let smallHeader = chunk("IHDR", header(2, 2))
  static let smallData = data([Array(smallRGB[..<6]), Array(smallRGB[6...])])

  /// The small picture with `chunks` before its data.
  static func small(before chunks: [UInt8] = [], after: [UInt8] = []) -> [UInt8] {
    file(smallHeader, chunks, smallData, after, end)
  }
}

/// Decodes on a thread with a small stack.
func decode(_ bytes: [UInt8]) throws -> Picture { try onSmallStack { try Picture(bytes: bytes) } }

/// Expects the decoder to refuse `bytes`; `id` is the entry of the catalogue of hostile inputs.
func refuse(
  _ id: String, _ bytes: [UInt8], _ code: String, limit: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectRefusal(id, code, limit: limit, sourceLocation: sourceLocation) { _ = try decode(bytes) }
}
