import TestSupport
import Tensors
import Testing

@testable import ZipFormat

/// Two records, and a way to change what the headers of the first say.
private func archive(_ change: (inout ZipBuilder) -> Void = { _ in }) -> [UInt8] {
  var builder = ZipBuilder([.init("a/first", Array("first record".utf8)), .init("a/second", [1, 2, 3])])
  change(&builder)
  return builder.build()
}

private func first(_ change: (inout ZipBuilder.Entry) -> Void) -> [UInt8] { archive { change(&$0.entries[0]) } }

private func zip64(_ values: [UInt64]) -> [UInt8] {
  var out: [UInt8] = []
  out.put16(1)
  out.put16(8 * values.count)
  for value in values { out.put64(value) }
  return out
}

/// Reads every record of the archive.
@discardableResult
private func read(_ bytes: [UInt8]) throws -> [String: [UInt8]] {
  let directory = try TemporaryDirectory()
  let archive = try ZipArchive(file: InputFile(directory.file("a.zip", bytes)))
  var records: [String: [UInt8]] = [:]
  for entry in archive.directory.entries {
    records[entry.name] = try archive.bytes(of: entry, limit: 1 << 20, name: "max_test")
  }
  return records
}

@Suite("Zip archives")
struct ReadingTests {
  private let expected: [String: [UInt8]] = ["a/first": Array("first record".utf8), "a/second": [1, 2, 3]]

  @Test("are read: stored, deflated, with descriptors, alignment and zip64 fields")
  func good() throws {
    #expect(try read(archive()) == expected)
    #expect(try read(archive { $0.zip64 = .init() }) == expected)
    #expect(try read(archive { $0.entries[0] = $0.entries[0].likeTorch() }) == expected)
    let data = Array("first record".utf8)
    #expect(try read(archive { $0.entries[0] = .deflated("a/first", data, Deflate.stored(data)) }) == expected)
    let wide = first {
      $0.central.size = 0xFFFF_FFFF
      $0.central.compressedSize = 0xFFFF_FFFF
      $0.central.extra = zip64([12, 12])
      $0.local.size = 0xFFFF_FFFF
      $0.local.compressedSize = 0xFFFF_FFFF
      $0.local.extra = zip64([12, 12])
    }
    #expect(try read(wide) == expected)
    #expect(try read(ZipBuilder([]).build()).isEmpty)
    #expect(
      try read(ZipBuilder([.init("folder/", []), .init("folder/x", [])]).build()) == ["folder/": [], "folder/x": []])
  }

  @Test(
    "with descriptors of every form are read", arguments: [(true, false), (true, true), (false, false), (false, true)])
  func descriptors(signed: Bool, wide: Bool) throws {
    let bytes = first {
      $0 = $0.likeTorch()
      $0.descriptor = ZipBuilder.descriptor(crc: CRC32.of($0.data), size: $0.data.count, signed: signed, wide: wide)
    }
    #expect(try read(bytes) == expected)
  }

  @Test("give parts of records, whose checksums are still compared")
  func parts() throws {
    let directory = try TemporaryDirectory()
    let data = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let bytes = ZipBuilder([.init("r", data)]).build()
    let archive = try ZipArchive(file: InputFile(directory.file("a.zip", bytes)))
    let entry = archive.directory.entries[0]
    #expect(entry.dataOffset == 31 && entry.method == .stored && entry.index == 0 && !entry.isDirectory)
    for range in [0..<0, 0..<1, 17..<4000, 4999..<5000, 0..<5000] {
      var part = [UInt8](repeating: 0, count: range.count)
      try part.withUnsafeMutableBytes { try archive.read(entry, range, into: $0) }
      #expect(part == Array(data[range]))
    }
    expectRefusal("a record over the limit", "limit.exceeded", limit: "max_test") {
      _ = try archive.bytes(of: entry, limit: 4999, name: "max_test")
    }
    let damaged = ZipBuilder([.init("r", data)]).build().enumerated().map { $0 == 31 + 4000 ? $1 ^ 1 : $1 }
    let other = try ZipArchive(file: InputFile(directory.file("b.zip", damaged)))
    var part: [UInt8] = [0]
    expectRefusal("a damaged byte behind the part", "zip.crc-mismatch") {
      try part.withUnsafeMutableBytes { try other.read(other.directory.entries[0], 0..<1, into: $0) }
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let limit: String?
    let bytes: @Sendable () -> [UInt8]

    init(_ name: String, _ code: String, limit: String? = nil, _ bytes: @Sendable @escaping () -> [UInt8]) {
      (self.name, self.code, self.limit, self.bytes) = (name, code, limit, bytes)
    }

    var testDescription: String { name }
  }

  static let ends: [Case] = [
    .init("nothing", "zip.end-record") { [] },
    .init("a comment", "zip.end-record") { archive { $0.comment = [1] } },
    .init("bytes after", "zip.end-record") { archive() + [0] },
    .init("bytes before", "zip.layout") { [0] + archive() },
    .init("bytes before the directory", "zip.layout") { archive { $0.beforeDirectory = [0] } },
    .init("bytes of no entry", "zip.layout") {
      var builder = ZipBuilder([])
      builder.beforeDirectory = [1, 2, 3]
      return builder.build()
    },
    .init("a gap", "zip.layout") { archive { $0.entries[1].gap = [0] } },
    .init("too few entries", "zip.entry-count") { archive { $0.count = 1 } },
    .init("too many entries", "zip.entry-count") { archive { $0.count = 3 } },
    .init("more entries than headers could be", "zip.entry-count") { archive { $0.count = 60_000 } },
    .init("a directory elsewhere", "zip.layout") { archive { $0.directoryOffset = 5 } },
    .init("a missing zip64 record", "zip.end-record") { archive { $0.directoryOffset = 0xFFFF_FFFF } },
    .init("a zip64 record elsewhere", "zip.end-record") { archive { $0.zip64 = .init(recordOffset: 3) } },
    .init("a zip64 directory elsewhere", "zip.layout") { archive { $0.zip64 = .init(directoryOffset: 3) } },
    .init("2⁴⁰ entries", "limit.exceeded", limit: "max_zip_entries") { archive { $0.zip64 = .init(count: 1 << 40) } },
    .init("several disks", "zip.end-record") {
      var bytes = archive()
      bytes[bytes.count - 18] = 1
      return bytes
    },
  ]

  static let entries: [Case] = [
    .init("a name twice", "zip.duplicate-name") { archive { $0.entries[1].name = "a/first" } },
    .init("a name twice but for case", "zip.duplicate-name") { archive { $0.entries[1].name = "A/FIRST" } },
    .init("another local name", "zip.name-mismatch") { first { $0.local.name = Array("a/third".utf8) } },
    .init("encryption", "zip.encrypted") { first { $0.flags = 1 } },
    .init("strong encryption", "zip.encrypted") { first { $0.flags = 0x40 } },
    .init("unknown flags", "zip.flags") { first { $0.flags = 0x20 } },
    .init("other local flags", "zip.local-mismatch") { first { $0.local.flags = 0x800 } },
    .init("another local method", "zip.local-mismatch") { first { $0.local.method = 8 } },
    .init("bzip2", "zip.method") { first { $0.method = 12 } },
    .init("a method of no name", "zip.method") { first { $0.method = 77 } },
    .init("a link", "zip.entry-kind") {
      first {
        $0.madeBy = 0x314
        $0.attributes = 0o120777 << 16
      }
    },
    .init("a device", "zip.entry-kind") {
      first {
        $0.madeBy = 0x314
        $0.attributes = 0o060666 << 16
      }
    },
    .init("a folder with content", "zip.entry-kind") { first { $0.name = "a/first/" } },
    .init("two sizes of a stored record", "zip.size-mismatch") { first { $0.central.size = 13 } },
    .init("another local size", "zip.local-mismatch") { first { $0.local.size = 13 } },
    .init("another local checksum", "zip.local-mismatch") { first { $0.local.crc = 1 } },
    .init("a wrong checksum", "zip.crc-mismatch") {
      first {
        $0.local.crc = 1
        $0.central.crc = 1
      }
    },
    .init("a record that goes too far", "zip.layout") {
      first {
        $0.central.size = 4000
        $0.central.compressedSize = 4000
      }
    },
    .init("an overlap", "zip.layout") { archive { $0.entries[1].headerOffset = 0 } },
    .init("a header elsewhere", "zip.layout") { archive { $0.entries[1].headerOffset = 9 } },
    .init("an extra field cut short", "zip.extra-field") { first { $0.central.extra = [1, 0] } },
    .init("an extra field too long", "zip.extra-field") { first { $0.central.extra = [9, 0, 4, 0, 1] } },
    .init("two zip64 fields", "zip.extra-field") { first { $0.central.extra = zip64([1]) + zip64([1]) } },
    .init("a zip64 field of too little", "zip.extra-field") {
      first {
        $0.central.size = 0xFFFF_FFFF
        $0.central.compressedSize = 0xFFFF_FFFF
        $0.central.extra = zip64([12])
      }
    },
    .init("a size of 2⁶³", "size.overflow") {
      first {
        $0.central.size = 0xFFFF_FFFF
        $0.central.extra = zip64([1 << 63])
      }
    },
    .init("a second name in Unicode", "zip.extra-field") {
      first { $0.central.extra = [0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 0x78] }
    },
    .init("a missing descriptor", "zip.descriptor") {
      first {
        $0 = $0.likeTorch()
        $0.descriptor = []
      }
    },
    .init("a descriptor of another size", "zip.descriptor") {
      first {
        $0 = $0.likeTorch()
        $0.descriptor = ZipBuilder.descriptor(crc: CRC32.of($0.data), size: 1)
      }
    },
    .init("a descriptor that no flag announces", "zip.layout") { first { $0.descriptor = [1, 2, 3, 4] } },
    .init("an inflation of over 1024", "limit.exceeded", limit: "max_ratio") {
      first {
        $0 = .deflated("a/first", [], [1, 2, 3])
        $0.local.size = 5000
        $0.central.size = 5000
      }
    },
    .init("damaged deflate data", "zip.read") { first { $0 = .deflated("a/first", $0.data, [7, 7, 7, 7]) } },
    .init("fewer bytes than stated", "zip.crc-mismatch") {
      first { $0 = .deflated("a/first", $0.data, Deflate.stored([1, 2])) }
    },
    .init("more bytes than stated", "zip.size-mismatch") {
      first { $0 = .deflated("a/first", [1], Deflate.stored([1, 2, 3])) }
    },
  ]

  @Test("that end otherwise than they should are refused", arguments: ends)
  func badEnd(_ bad: Case) {
    expectRefusal(bad.name, bad.code, limit: bad.limit) { try read(bad.bytes()) }
  }

  @Test("whose entries are not what they seem are refused", arguments: entries)
  func badEntry(_ bad: Case) {
    expectRefusal(bad.name, bad.code, limit: bad.limit) { try read(bad.bytes()) }
  }

  @Test("cut anywhere are refused")
  func cut() {
    let bytes = archive { $0.zip64 = .init() }
    for count in 0..<bytes.count {
      #expect(throws: EVSSMError.self, "\(count) bytes") { try read(Array(bytes[..<count])) }
    }
  }

  @Test("with any bit of their headers changed are refused, or read as before")
  func changedBits() {
    let bytes = archive { $0.entries[0] = $0.entries[0].likeTorch() }
    var generator = SeededGenerator(seed: 3)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1 << UInt8(generator.next() % 8)
      do {
        let records = try read(changed)
        #expect(records == expected, "byte \(index)")
      } catch { #expect(error is EVSSMError, "byte \(index)") }
    }
  }

  @Test("have names that are plain")
  func names() {
    for good in ["a", "a/b", "a.b/c-d", "ä/ö", "a/", "..a", "a:b", "aa:/b", String(repeating: "n", count: 512)] {
      #expect(ZipEntryName.isValid(good), "\(good)")
    }
    for bad in [
      "", "/", "/a", "../a", "a/../b", "a/..", "./a", "a//b", "a\\b", "C:/a", "a\0b", "a\nb", "a\u{7F}",
      String(repeating: "n", count: 513),
    ] {
      #expect(!ZipEntryName.isValid(bad), "\(bad)")
    }
  }

  @Test("have bounds that do not overflow")
  func bounds() {
    #expect(Limits.maxInflatedBytes(fileBytes: 0) == 64 << 20)
    #expect(Limits.maxInflatedBytes(fileBytes: .max) == .max)
    #expect(Limits.scaled(.max / 4, by: 4, plus: 1000) == .max)
  }
}
