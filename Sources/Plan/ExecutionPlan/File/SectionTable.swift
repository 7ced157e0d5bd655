import Crypto
import Tensors

/// What a section holds. Readers ignore and report kinds that they do not know.
enum SectionKind: UInt32, CaseIterable {
  case program = 1
  case weights = 2
  case bindings = 3
  case certificate = 4
  case signature = 5

  var alignment: Int { self == .weights ? 4096 : 64 }
}

/// One row of the section table: 64 bytes.
struct SectionEntry: Hashable {
  static let byteCount = 64

  var kind: UInt32
  var offset: Int
  var length: Int
  /// ``TreeDigest`` of the section's bytes.
  var digest: [UInt8]

  func encoded() -> [UInt8] {
    littleEndian(kind) + littleEndian(0 as UInt32) + littleEndian(UInt64(offset)) + littleEndian(UInt64(length))
      + littleEndian(0 as UInt64) + digest
  }
}

func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// The first bytes of a plan file: a header of 64 bytes and the section table. See `docs/plan-format.md`.
struct SectionTable {
  static let magic: [UInt8] = [0x89, 0x45, 0x56, 0x50, 0x0D, 0x0A, 0x1A, 0x0A]
  static let majorVersion: UInt16 = 1
  static let minorVersion: UInt16 = 2
  static let endianMarker: UInt32 = 0x0102_0304
  static let headerByteCount = 64
  static let maxSections = 64

  var sections: [SectionEntry]
  var fileByteCount: Int
  /// The minor version of the format that the file was written in.
  var fileMinorVersion = Self.minorVersion

  /// Whether sizes that the file has placed are for the stages' scratch memory as it is now. In 1.0 and 1.1 it was other.
  var hasUsableBindings: Bool { fileMinorVersion >= 2 }

  static func byteCount(sections: Int) -> Int { headerByteCount + sections * SectionEntry.byteCount }

  /// Header and table; the header's digest covers all of both but itself.
  func encoded() -> [UInt8] {
    let head =
      Self.magic + littleEndian(Self.majorVersion) + littleEndian(Self.minorVersion) + littleEndian(Self.endianMarker)
      + littleEndian(UInt32(sections.count)) + littleEndian(0 as UInt32) + littleEndian(UInt64(fileByteCount))
    let table = sections.flatMap { $0.encoded() }
    return head + Array(SHA256.hash(data: head + table)) + table
  }
}
