import Tensors

/// The header in front of an entry's data, checked against the central directory.
struct ZipLocalHeader {
  private static let size = 30
  private static let sentinel = 0xFFFF_FFFF

  let dataOffset: Int

  /// - Parameter next: offset of what follows the entry; header, data and descriptor must fill the room exactly.
  init(of entry: ZipEntry, file: InputFile, next: Int) throws {
    var place = file.place(entry.headerOffset)
    place.node = entry.name
    let room = next - entry.headerOffset
    guard room >= Self.size else { throw Self.layoutError(place) }
    let fixed = try file.bytes(at: entry.headerOffset, count: Self.size)
    guard fixed.uint32(at: 0) == 0x0403_4B50 else {
      throw EVSSMError("zip.local-header", "There is no local header where the directory points.", place: place)
    }
    let nameCount = fixed.uint16(at: 26)
    let extraCount = fixed.uint16(at: 28)
    let headerSize = Self.size + nameCount + extraCount
    guard headerSize <= room, entry.compressedSize <= room - headerSize else { throw Self.layoutError(place) }
    let names = try file.bytes(at: entry.headerOffset + Self.size, count: nameCount + extraCount)
    guard names[..<nameCount].elementsEqual(entry.name.utf8) else {
      throw EVSSMError(
        "zip.name-mismatch", "The local header names the entry otherwise than the directory.", place: place)
    }
    dataOffset = entry.headerOffset + headerSize
    let extra = try ZipExtraFields(names[nameCount...], name: names[..<nameCount], place)
    try Self.checkFields(fixed, entry, extra, place)
    try Self.checkDescriptor(entry, file, from: dataOffset + entry.compressedSize, to: next, place)
  }

  private static func layoutError(_ place: EVSSMError.Place) -> EVSSMError {
    EVSSMError(
      "zip.layout", "The entry does not fit before the next one: sizes or offsets in the archive are wrong.",
      place: place)
  }

  private static func checkFields(
    _ header: [UInt8], _ entry: ZipEntry, _ extra: ZipExtraFields, _ place: EVSSMError.Place
  ) throws {
    guard header.uint16(at: 6) == entry.flags, header.uint16(at: 8) == entry.method.rawValue else {
      throw EVSSMError(
        "zip.local-mismatch", "The local header's flags or method differ from the directory's (hidden encryption?).",
        place: place)
    }
    let crc = header.uint32(at: 14)
    var sizes = [header.uint32(at: 22), header.uint32(at: 18)]
    // Sizes left to the descriptor; miniz then fills a zip64 field, if any, as it likes.
    if entry.hasDescriptor && crc == 0 && sizes == [0, 0] { return }
    let wanted = sizes.indices.filter { sizes[$0] == sentinel }
    // APPNOTE.TXT 4.5.3: a local zip64 field holds both sizes.
    let values = try wanted.isEmpty ? [] : extra.zip64Values(2, place)
    for index in wanted { sizes[index] = values[index] }
    let crcAgrees = crc == entry.crc || (entry.hasDescriptor && crc == 0)
    guard crcAgrees, sizes == [entry.size, entry.compressedSize] else {
      throw EVSSMError(
        "zip.local-mismatch", "The local header's checksum or sizes differ from the directory's.", place: place)
    }
  }

  /// The descriptor after the data: with or without signature, 32 or 64 bits a size (APPNOTE.TXT 4.3.9).
  private static func checkDescriptor(
    _ entry: ZipEntry, _ file: InputFile, from start: Int, to end: Int, _ place: EVSSMError.Place
  ) throws {
    let count = end - start
    guard entry.hasDescriptor else {
      if count != 0 { throw EVSSMError("zip.layout", "There is a gap after the entry.", place: place) }
      return
    }
    guard [12, 16, 20, 24].contains(count) else {
      throw EVSSMError("zip.descriptor", "The data descriptor after the entry is missing.", place: place)
    }
    var bytes = try file.bytes(at: start, count: count)
    let isSigned = count == 16 || count == 24
    if isSigned {
      guard bytes.uint32(at: 0) == 0x0807_4B50 else {
        throw EVSSMError("zip.descriptor", "The data descriptor after the entry has no signature.", place: place)
      }
      bytes.removeFirst(4)
    }
    let isWide = bytes.count == 20
    let compressed = isWide ? bytes.uint64(at: 4) : UInt64(bytes.uint32(at: 4))
    let size = isWide ? bytes.uint64(at: 12) : UInt64(bytes.uint32(at: 8))
    guard bytes.uint32(at: 0) == entry.crc, compressed == UInt64(entry.compressedSize), size == UInt64(entry.size)
    else {
      throw EVSSMError("zip.descriptor", "The data descriptor contradicts the directory.", place: place)
    }
  }
}
