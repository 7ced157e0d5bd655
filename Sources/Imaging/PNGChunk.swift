import Tensors

/// One chunk of a PNG file: length, type, body, CRC.
struct PNGChunk {
  /// The whole chunk, length and CRC included, in the file.
  let range: Range<Int>
  let type: String
  let body: UnsafeRawBufferPointer
  private let file: UnsafeRawBufferPointer

  init(_ file: UnsafeRawBufferPointer, at position: Int) throws {
    let place = EVSSMError.Place(byteOffset: UInt64(position))
    guard let length = file.integer(at: position, bytes: 4), length <= file.count - position - 12 else {
      throw EVSSMError(
        "png.truncated", "The file ends inside a chunk or before IEND. Copy or download it again.", place: place)
    }
    let letters = file[position + 4..<position + 8]
    guard letters.allSatisfy({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }) else {
      throw EVSSMError("png.chunk-type", "A chunk's type is not four letters: the file is damaged.", place: place)
    }
    self.file = file
    type = String(decoding: letters, as: UTF8.self)
    range = position..<position + 12 + length
    body = UnsafeRawBufferPointer(rebasing: file[position + 8..<position + 8 + length])
  }

  /// Whether a decoder that does not know the chunk must refuse the file.
  var isCritical: Bool { file[range.lowerBound + 4] & 0x20 == 0 }

  var place: EVSSMError.Place { .init(byteOffset: UInt64(range.lowerBound)) }

  func error(_ code: EVSSMError.Code, _ message: String) -> EVSSMError { EVSSMError(code, message, place: place) }

  func checkCRC() throws {
    let covered = UnsafeRawBufferPointer(rebasing: file[range.lowerBound + 4..<range.upperBound - 4])
    guard file.integer(at: range.upperBound - 4, bytes: 4) == Int(PNGChunk.crc(covered)) else {
      throw error("png.crc", "The checksum of the chunk \(type) is wrong: the file is damaged.")
    }
  }

  /// CRC-32 as PNG computes it (ISO/IEC 15948, annex D).
  static func crc(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
  }

  private static let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : 0xEDB8_8320 ^ value >> 1 }
  }
}
