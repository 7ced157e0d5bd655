import Tensors

/// Where the central directory lies: the end record, which must be the last 22 bytes of the file, and its zip64 form.
struct ZipEndRecord: Sendable {
  private static let size = 22
  private static let zip64Size = 56
  private static let locatorSize = 20

  private(set) var entryCount: Int
  private(set) var directorySize: Int
  private(set) var directoryOffset: Int

  init(file: InputFile) throws {
    let offset = file.byteCount - Self.size
    guard offset >= 0 else { throw Self.missing(file) }
    let bytes = try file.bytes(at: offset, count: Self.size)
    guard bytes.uint32(at: 0) == 0x0605_4B50, bytes.uint16(at: 20) == 0 else { throw Self.missing(file) }
    entryCount = bytes.uint16(at: 10)
    directorySize = bytes.uint32(at: 12)
    directoryOffset = bytes.uint32(at: 16)
    guard bytes.uint16(at: 4) == 0, bytes.uint16(at: 6) == 0, bytes.uint16(at: 8) == entryCount else {
      throw EVSSMError(
        "zip.end-record", "The archive is split over several disks, or its end record is wrong.",
        place: file.place(offset))
    }
    var directoryEnd = offset
    if let locator = try Self.locator(file, before: offset) {
      directoryEnd = try adopt(locator, file, endOffset: offset)
    } else if entryCount == 0xFFFF || directorySize == 0xFFFF_FFFF || directoryOffset == 0xFFFF_FFFF {
      throw EVSSMError(
        "zip.end-record", "The end record points to a zip64 record that is not there.", place: file.place(offset))
    }
    try check(file, directoryEnd: directoryEnd)
  }

  private static func missing(_ file: InputFile) -> EVSSMError {
    EVSSMError(
      "zip.end-record",
      "No end record closes the archive: the file is cut short, or something follows it. Copy or download it again.",
      place: file.place(max(0, file.byteCount - size)))
  }

  private static func locator(_ file: InputFile, before offset: Int) throws -> [UInt8]? {
    guard offset >= locatorSize + zip64Size else { return nil }
    let bytes = try file.bytes(at: offset - locatorSize, count: locatorSize)
    return bytes.uint32(at: 0) == 0x0706_4B50 ? bytes : nil
  }

  /// Takes the values of the zip64 end record and returns its offset. Both records must agree where both speak.
  private mutating func adopt(_ locator: [UInt8], _ file: InputFile, endOffset: Int) throws -> Int {
    let offset = endOffset - Self.locatorSize - Self.zip64Size
    let place = file.place(offset)
    let bytes = try file.bytes(at: offset, count: Self.zip64Size)
    guard locator.uint64(at: 8) == UInt64(offset), locator.uint32(at: 4) == 0, locator.uint32(at: 16) <= 1,
      bytes.uint32(at: 0) == 0x0606_4B50, bytes.uint64(at: 4) == UInt64(Self.zip64Size - 12),
      bytes.uint32(at: 16) == 0, bytes.uint32(at: 20) == 0, bytes.uint64(at: 24) == bytes.uint64(at: 32)
    else {
      throw EVSSMError("zip.end-record", "The zip64 end record is not where, or not what, it should be.", place: place)
    }
    entryCount = try Self.merge(entryCount, sentinel: 0xFFFF, bytes.uint64(at: 32), place)
    directorySize = try Self.merge(directorySize, sentinel: 0xFFFF_FFFF, bytes.uint64(at: 40), place)
    directoryOffset = try Self.merge(directoryOffset, sentinel: 0xFFFF_FFFF, bytes.uint64(at: 48), place)
    return offset
  }

  private static func merge(
    _ short: Int, sentinel: Int, _ long: UInt64, _ place: EVSSMError.Place
  ) throws -> Int {
    let value = try Checked.int(long, "A field of the zip64 end record")
    guard short == sentinel || short == value else {
      throw EVSSMError("zip.end-record", "The end record and the zip64 end record contradict each other.", place: place)
    }
    return value
  }

  private func check(_ file: InputFile, directoryEnd: Int) throws {
    let place = file.place(directoryEnd)
    try Limits.check(
      entryCount, atMost: Limits.maxZipEntries, name: "max_zip_entries", "The number of entries", place: place)
    try Limits.check(
      directorySize, atMost: Limits.maxZipDirectoryBytes, name: "max_zip_directory", "The size of the directory",
      place: place)
    guard try Checked.add(directoryOffset, directorySize) == directoryEnd else {
      throw EVSSMError(
        "zip.layout",
        "The central directory does not end where the end record starts: bytes were added before or after.",
        place: place)
    }
  }
}
