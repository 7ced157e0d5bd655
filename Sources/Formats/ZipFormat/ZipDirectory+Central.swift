import Tensors

extension ZipDirectory {
  private static let headerSize = 46

  /// Reads the central directory: exactly the stated number of headers in exactly the stated number of bytes.
  static func centralEntries(file: InputFile, end: ZipEndRecord) throws -> [ZipEntry] {
    let bytes = try file.bytes(at: end.directoryOffset, count: end.directorySize)
    guard end.entryCount <= bytes.count / headerSize else { throw countError(file, end) }
    var entries: [ZipEntry] = []
    entries.reserveCapacity(end.entryCount)
    var at = 0
    while at < bytes.count, entries.count < end.entryCount {
      let place = file.place(end.directoryOffset + at)
      let next = try headerEnd(bytes, at, place)
      entries.append(try entry(bytes, at, index: entries.count, place))
      at = next
    }
    guard at == bytes.count, entries.count == end.entryCount else { throw countError(file, end) }
    return entries
  }

  private static func countError(_ file: InputFile, _ end: ZipEndRecord) -> EVSSMError {
    EVSSMError(
      "zip.entry-count",
      "The central directory does not hold the \(end.entryCount) entries that the end record states.",
      place: file.place(end.directoryOffset))
  }

  private static func headerEnd(_ bytes: [UInt8], _ at: Int, _ place: EVSSMError.Place) throws -> Int {
    guard bytes.count - at >= headerSize, bytes.uint32(at: at) == 0x0201_4B50 else {
      throw EVSSMError("zip.central-header", "A header of the central directory is broken.", place: place)
    }
    let end = at + headerSize + bytes.uint16(at: at + 28) + bytes.uint16(at: at + 30)
    guard end <= bytes.count, bytes.uint16(at: at + 32) == 0 else {
      throw EVSSMError(
        "zip.central-header", "A header of the central directory is cut short or holds a comment.", place: place)
    }
    return end
  }

  private static func entry(_ bytes: [UInt8], _ at: Int, index: Int, _ place: EVSSMError.Place) throws -> ZipEntry {
    let nameEnd = at + headerSize + bytes.uint16(at: at + 28)
    let nameBytes = bytes[at + headerSize..<nameEnd]
    var place = place
    let name = try ZipEntryName.check(nameBytes, place)
    place.node = name
    let extra = try ZipExtraFields(bytes[nameEnd..<nameEnd + bytes.uint16(at: at + 30)], name: nameBytes, place)
    let flags = bytes.uint16(at: at + 8)
    try checkFlags(flags, place)
    var entry = ZipEntry(
      name: name, index: index, method: try method(bytes.uint16(at: at + 10), place), flags: flags,
      crc: bytes.uint32(at: at + 16), compressedSize: bytes.uint32(at: at + 20), size: bytes.uint32(at: at + 24),
      headerOffset: bytes.uint32(at: at + 42))
    try resolveZip64(&entry, extra, place)
    try checkKind(entry, madeBy: bytes[at + 5], attributes: bytes.uint32(at: at + 38), place)
    guard bytes.uint16(at: at + 34) == 0 else {
      throw EVSSMError("zip.central-header", "An entry lies on another disk.", place: place)
    }
    return entry
  }

  private static func resolveZip64(_ entry: inout ZipEntry, _ extra: ZipExtraFields, _ place: EVSSMError.Place) throws {
    let sentinel = 0xFFFF_FFFF
    let fields: [WritableKeyPath<ZipEntry, Int>] = [\.size, \.compressedSize, \.headerOffset]
    let wanted = fields.filter { entry[keyPath: $0] == sentinel }
    for (field, value) in zip(wanted, try extra.zip64Values(wanted.count, place)) { entry[keyPath: field] = value }
  }

  private static func checkFlags(_ flags: Int, _ place: EVSSMError.Place) throws {
    guard flags & 0x2041 == 0 else {
      throw EVSSMError("zip.encrypted", "The entry is encrypted; a checkpoint never is.", place: place)
    }
    // Allowed: level hints (1, 2), data descriptor (3), UTF-8 name (11).
    guard flags & ~0x080E == 0 else {
      throw EVSSMError(
        "zip.flags", "The entry has general purpose flags (\(flags)) that are not supported.", place: place)
    }
  }

  private static func method(_ value: Int, _ place: EVSSMError.Place) throws -> ZipEntry.Method {
    if let method = ZipEntry.Method(rawValue: value) { return method }
    let known = [9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 99: "AES encryption"]
    let name = known[value] ?? "unknown"
    throw EVSSMError(
      "zip.method", "Compression method \(value) (\(name)) is not supported: only stored and deflated entries are.",
      place: place)
  }

  private static func checkKind(
    _ entry: ZipEntry, madeBy host: UInt8, attributes: Int, _ place: EVSSMError.Place
  ) throws {
    let kind = host == 3 ? attributes >> 16 & 0o170000 : 0
    guard kind == 0 || kind == 0o100000 || (kind == 0o040000 && entry.isDirectory) else {
      throw EVSSMError("zip.entry-kind", "The entry is a link or a device, not a file.", place: place)
    }
    guard !entry.isDirectory || entry.size == 0 else {
      throw EVSSMError("zip.entry-kind", "A directory entry has content.", place: place)
    }
    guard entry.method != .stored || entry.size == entry.compressedSize else {
      throw EVSSMError("zip.size-mismatch", "A stored entry states two different sizes.", place: place)
    }
  }
}
