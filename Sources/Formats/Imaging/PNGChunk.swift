import Tensors

/// The chunks that this package looks at, by the four letters of their type.
enum PNGChunkType: UInt32 {
  case header = 0x4948_4452  // IHDR
  case palette = 0x504C_5445  // PLTE
  case transparency = 0x7452_4E53  // tRNS
  case data = 0x4944_4154  // IDAT
  case end = 0x4945_4E44  // IEND
  case exif = 0x6558_4966  // eXIf
  case profile = 0x6943_4350  // iCCP
  case gamma = 0x6741_4D41  // gAMA
  case chromaticities = 0x6348_524D  // cHRM
  case codingPoints = 0x6349_4350  // cICP
  case animation = 0x6163_544C  // acTL
  case frameData = 0x6664_4154  // fdAT
}

/// One chunk of a PNG file: length, type, body, CRC.
struct PNGChunk {
  /// The whole chunk, length and CRC included, in the file.
  let range: Range<Int>
  /// nil for a type that is not looked at.
  let type: PNGChunkType?
  let body: UnsafeRawBufferPointer
  private let file: UnsafeRawBufferPointer

  init(_ file: UnsafeRawBufferPointer, at position: Int) throws {
    let place = EVSSMError.Place(byteOffset: UInt64(position))
    guard let length = file.integer(at: position, bytes: 4), let code = file.integer(at: position + 4, bytes: 4),
      length <= file.count - position - 12
    else {
      throw EVSSMError(
        "png.truncated", "The file ends inside a chunk or before IEND. Copy or download it again.", place: place)
    }
    guard Self.isFourLetters(UInt32(code)) else {
      throw EVSSMError("png.chunk-type", "A chunk's type is not four letters: the file is damaged.", place: place)
    }
    self.file = file
    type = PNGChunkType(rawValue: UInt32(code))
    range = position..<position + 12 + length
    body = UnsafeRawBufferPointer(rebasing: file[position + 8..<position + 8 + length])
  }

  private static func isFourLetters(_ code: UInt32) -> Bool {
    var rest = code | 0x2020_2020
    for _ in 0..<4 {
      if rest & 255 < 0x61 || rest & 255 > 0x7A { return false }
      rest >>= 8
    }
    return true
  }

  /// The four letters of the type.
  var name: String { String(decoding: file[range.lowerBound + 4..<range.lowerBound + 8], as: UTF8.self) }

  /// Whether a decoder that does not know the chunk must refuse the file.
  var isCritical: Bool { file[range.lowerBound + 4] & 0x20 == 0 }

  var place: EVSSMError.Place { .init(byteOffset: UInt64(range.lowerBound)) }

  func error(_ code: EVSSMError.Code, _ message: String) -> EVSSMError { EVSSMError(code, message, place: place) }

  func checkCRC() throws {
    let covered = UnsafeRawBufferPointer(rebasing: file[range.lowerBound + 4..<range.upperBound - 4])
    guard file.integer(at: range.upperBound - 4, bytes: 4) == Int(PNGChunk.crc(covered)) else {
      throw error("png.crc", "The checksum of the chunk \(name) is wrong: the file is damaged.")
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
