import Crypto
import Tensors

extension SectionTable {
  /// Parses and checks header and table against the whole file. Sections ascend, do not overlap, and leave only zeroed
  /// gaps that alignment explains; the sections' own digests are not checked here.
  init(parsing file: UnsafeRawBufferPointer) throws {
    let count = try Self.checkHeader(file)
    let tableEnd = Self.byteCount(sections: count)
    guard file.count >= tableEnd else {
      throw Self.error("plan.truncated", "The file ends in its section table.", file.count)
    }
    let head = file[..<32]
    let table = file[Self.headerByteCount..<tableEnd]
    guard Array(SHA256.hash(data: Array(head) + Array(table))) == Array(file[32..<64]) else {
      throw Self.error("plan.digest-mismatch", "The header is damaged: its digest differs.", 32)
    }
    fileMinorVersion = file.littleEndian(at: 10)
    fileByteCount = try Checked.int(file.littleEndian(at: 24), "The file's length")
    guard fileByteCount == file.count else {
      throw Self.error("plan.truncated", "The file has \(file.count) bytes; its header says \(fileByteCount).", 24)
    }
    sections = try (0..<count).map { try SectionEntry(file, at: Self.headerByteCount + $0 * SectionEntry.byteCount) }
    try checkLayout(file, from: tableEnd)
  }

  static func hasMagic(_ prefix: some Collection<UInt8>) -> Bool { prefix.prefix(8).elementsEqual(magic) }

  /// The count of sections.
  private static func checkHeader(_ file: UnsafeRawBufferPointer) throws -> Int {
    guard file.count >= 8, hasMagic(file) else {
      throw error("plan.not-a-plan", "The file is not a plan. Compile a checkpoint with `evssm compile`.", 0)
    }
    guard file.count >= headerByteCount else {
      throw error("plan.truncated", "The file ends in its header.", file.count)
    }
    let major: UInt16 = file.littleEndian(at: 8)
    let minor: UInt16 = file.littleEndian(at: 10)
    guard file.littleEndian(at: 12) == endianMarker else {
      throw error("plan.endianness", "The endian marker is wrong: the file is damaged or of another byte order.", 12)
    }
    guard major == majorVersion, minor <= minorVersion else {
      throw error(
        "plan.version",
        "The plan has format \(major).\(minor); this program reads 1.0 to \(majorVersion).\(minorVersion). Compile it again.",
        8)
    }
    let count: UInt32 = file.littleEndian(at: 16)
    try Limits.check(
      Int(count), atMost: maxSections, name: "max_plan_sections", "The count of sections", place: .init(byteOffset: 16))
    return Int(count)
  }

  private func checkLayout(_ file: UnsafeRawBufferPointer, from start: Int) throws {
    var end = start
    for (index, section) in sections.enumerated() {
      let row = Self.headerByteCount + index * SectionEntry.byteCount
      let alignment = SectionKind(rawValue: section.kind)?.alignment ?? 64
      guard section.offset == (try Checked.roundUp(end, to: alignment)) else {
        throw Self.error(
          "plan.section-offset", "Section \(index) starts at \(section.offset), not behind the one before it.", row + 8)
      }
      let sectionEnd = try Checked.add(section.offset, section.length, "The end of a section")
      guard sectionEnd <= file.count else {
        throw Self.error("plan.section-bounds", "Section \(index) ends behind the end of the file.", row + 16)
      }
      guard file[end..<section.offset].allSatisfy({ $0 == 0 }) else {
        throw Self.error("plan.padding", "The bytes between two sections are not zero.", end)
      }
      end = sectionEnd
    }
    guard end == file.count else { throw Self.error("plan.trailing-bytes", "Bytes follow the last section.", end) }
    let known = sections.compactMap { SectionKind(rawValue: $0.kind) }
    guard Set(known).count == known.count else {
      throw Self.error("plan.duplicate-section", "Two sections are of one kind.", Self.headerByteCount)
    }
  }

  static func error(_ code: EVSSMError.Code, _ message: String, _ offset: Int) -> EVSSMError {
    EVSSMError(code, message, place: .init(byteOffset: UInt64(offset)))
  }
}

extension SectionEntry {
  fileprivate init(_ file: UnsafeRawBufferPointer, at row: Int) throws {
    guard file.littleEndian(at: row + 4) == 0 as UInt32, file.littleEndian(at: row + 24) == 0 as UInt64 else {
      throw SectionTable.error("plan.reserved", "A reserved field of the section table is not zero.", row)
    }
    kind = file.littleEndian(at: row)
    offset = try Checked.int(file.littleEndian(at: row + 8), "The offset of a section")
    length = try Checked.int(file.littleEndian(at: row + 16), "The length of a section")
    digest = Array(file[row + 32..<row + 64])
  }
}

extension UnsafeRawBufferPointer {
  func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Value {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
  }
}
