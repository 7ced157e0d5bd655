import Foundation
import Tensors
import TestSupport
import Testing

@testable import TorchFormat
@testable import ZipFormat

/// Group Z of the catalogue of hostile inputs: the zip container.
@Suite struct ZipTests {
  @Test(arguments: ZipCases.ends + ZipCases.headers + ZipCases.names + ZipCases.bombs + ZipCases.records)
  func refused(_ hostile: HostileCase) { hostile.check() }

  @Test("Z04 truncated at every 1/64")
  func truncated() {
    let good = Checkpoints.good
    for part in 1..<64 {
      Contract.expectRefusal(Array(good.prefix(good.count * part / 64)), "zip.end-record", "\(part)/64")
    }
  }

  @Test("Z05 last bytes cut", arguments: 1...22)
  func endCut(_ count: Int) { Contract.expectRefusal(Checkpoints.good.dropLast(count), "zip.end-record") }

  @Test("Z32 other methods", arguments: [1, 9, 12, 14, 93, 95, 98, 99])
  func methods(_ method: Int) {
    Contract.expectRefusal(Checkpoints.spoiled { $0.method = method }, "zip.method")
  }

  @Test("Z33 encrypted: central, local, both", arguments: [0x1, 0x40, 0x2000])
  func encrypted(_ flag: Int) {
    Contract.expectRefusal(Checkpoints.spoiled { $0.central.flags = flag }, "zip.encrypted")
    Contract.expectRefusal(Checkpoints.spoiled { $0.local.flags = flag }, "zip.local-mismatch")
    Contract.expectRefusal(Checkpoints.spoiled { $0.flags = flag }, "zip.encrypted")
  }

  @Test(
    "Z34 unsafe names",
    arguments: [
      "../x", "/etc/x", "a/../../x", "archive/../x", "C:\\x", "C:/x", "archive\\b", "archive//b", "archive/./b", "..",
      ".",
    ])
  func unsafeNames(_ name: String) { Contract.expectRefusal(Checkpoints.with(.init(name, [1])), "zip.name") }

  @Test("Z42 versions", arguments: ["99", "-1", "9999999999999999999999", "", "0", "3 ", "\n", "3\n\n", "0x3"])
  func versions(_ version: String) {
    Contract.expectRefusal(ZipBuilder(Checkpoints.entries(version: version)).build(), "torch.version")
  }

  @Test("Z45 byte orders that are none", arguments: ["mixed", "", "LITTLE", "little\n"])
  func byteOrders(_ order: String) {
    Contract.expectRefusal(ZipBuilder(Checkpoints.entries(byteOrder: order)).build(), "torch.byte-order")
  }

  @Test("Z45 big-endian numbers are swapped")
  func bigEndian() throws {
    let swapped = stride(from: 0, to: 24, by: 4).flatMap { Checkpoints.record[$0..<$0 + 4].reversed() }
    let bytes = ZipBuilder(Checkpoints.entries(records: [("0", swapped)], byteOrder: "big")).build()
    let checkpoint = try Contract.read(bytes)
    #expect(checkpoint.catalogue["w"]?.floats() == Checkpoints.values)
    #expect(checkpoint.report.byteOrder == .big)
  }

  @Test("Z46 format_version and storage_alignment are not trusted")
  func hintRecords() throws {
    let bytes = Checkpoints.with(
      .init("archive/.format_version", Array("999".utf8)), .init("archive/.storage_alignment", Array("-7x".utf8)))
    #expect(try Contract.read(bytes).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("Z49 deflated records")
  func deflated() throws {
    var entries = Checkpoints.entries()
    for index in entries.indices {
      entries[index].packed = Deflate.stored(entries[index].data)
      entries[index].method = 8
    }
    #expect(try Contract.read(ZipBuilder(entries).build()).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("Z49 a well compressed record")
  func compressed() throws {
    let count = 258 * 16 + 1 + 3
    let data = [UInt8](repeating: 0, count: count - 3)
    let pickle = PickleAssembler.single(
      .init(type: "ByteStorage", count: data.count, shape: [data.count], strides: [1]))
    var entries = Checkpoints.entries(pickle: pickle)
    entries[Checkpoints.dataIndex] = .deflated("archive/data/0", data, Deflate.zeros(runs: 16))
    let tensor = try #require(try Contract.read(ZipBuilder(entries).build()).catalogue["w"])
    #expect(tensor.withUnsafeBytes { $0.elementsEqual(data) })
  }

  @Test("Records with descriptors, aligned by extra fields, as torch.save writes them")
  func likeTorch() throws {
    let entries = Checkpoints.entries().map { $0.likeTorch() }
    #expect(try Contract.read(ZipBuilder(entries).build()).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("Descriptors of all four forms", arguments: [(true, true), (true, false), (false, true), (false, false)])
  func descriptors(signed: Bool, wide: Bool) throws {
    let bytes = Checkpoints.spoiled { entry in
      entry = entry.likeTorch()
      entry.descriptor = ZipBuilder.descriptor(
        crc: CRC32.of(entry.data), size: entry.data.count, signed: signed, wide: wide)
    }
    #expect(try Contract.read(bytes).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("Folder entries of a repacked archive are passed over")
  func folders() throws {
    var folder = ZipBuilder.Entry("archive/data/", [])
    folder.madeBy = 0x31E
    folder.attributes = 0o040755 << 16
    #expect(try Contract.read(Checkpoints.with(.init("archive/", []), folder)).catalogue.count == 1)
  }

  @Test("A zip64 end record around a small archive")
  func smallZip64() throws {
    var builder = Checkpoints.builder
    builder.zip64 = .init()
    #expect(try Contract.read(builder.build()).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("Z50 a sparse archive of more than 4 GiB")
  func sparse() throws {
    try Contract.withDirectory { directory in
      let path = directory + "/model.pth"
      try SparseArchive.write(to: path)
      let checkpoint = try Contract.read(path: path)
      #expect(checkpoint.catalogue["w"]?.floats() == Checkpoints.values)
      #expect(checkpoint.report.recordCount == 5)
    }
  }

  @Test("Z51 a file that shrinks while it is read")
  func shrinking() throws {
    let error = try readLargeRecord { path, entry in #expect(truncate(path, off_t(entry.dataOffset + 500_000)) == 0) }
    #expect(error?.code == "file.truncated")
  }

  @Test("Z51 a file that changes while it is read")
  func changing() throws {
    let error = try readLargeRecord { path, entry in
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try handle.seek(toOffset: UInt64(entry.dataOffset + 500_000))
      try handle.write(contentsOf: [0xFF])
      try handle.close()
    }
    #expect(error?.code == "zip.crc-mismatch")
  }

  /// The error of reading a record of 1 MiB after the file was opened, checked, and then changed.
  private func readLargeRecord(after change: (String, ZipEntry) throws -> Void) throws -> EVSSMError? {
    let record = [UInt8](repeating: 1, count: 1 << 20)
    return try Contract.withDirectory { directory in
      let path = directory + "/model.pth"
      try Data(ZipBuilder(Checkpoints.entries(records: [("0", record)])).build()).write(to: URL(fileURLWithPath: path))
      let archive = try ZipArchive(file: InputFile(path))
      let entry = archive.directory.entries[Checkpoints.dataIndex]
      try change(path, entry)
      return #expect(throws: EVSSMError.self) { try archive.bytes(of: entry, limit: 1 << 20, name: "test") }
    }
  }

  @Test("Z52 what is not a regular file")
  func notRegular() throws {
    try Contract.withDirectory { directory in
      let fifo = directory + "/fifo"
      #expect(mkfifo(fifo, 0o600) == 0)
      for path in [fifo, "/dev/null", "/dev/zero", directory, try socket(in: directory)] {
        let error = #expect(throws: EVSSMError.self) { try Contract.read(path: path) }
        #expect(error?.code == "file.not-regular")
        #expect(error?.category == .badInput)
        #expect(error?.place.file == path)
      }
      let missing = #expect(throws: EVSSMError.self) { try Contract.read(path: directory + "/missing") }
      #expect(missing?.code == "file.not-found")
    }
  }

  private func socket(in directory: String) throws -> String {
    let path = directory + "/s"
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(code == 0)
    return path
  }
}

/// A good archive with an unused record of more than 4 GiB of holes in front of the tensor's record.
enum SparseArchive {
  private static let hole = (4 << 30) + 4096

  static func write(to path: String) throws {
    var entries = Checkpoints.entries()
    entries.insert(.init("archive/data/hole", []), at: Checkpoints.dataIndex)
    var out = [UInt8]()
    var offsets: [Int] = []
    var skipped = 0
    let handle = try create(path)
    defer { try? handle.close() }
    for entry in entries {
      offsets.append(out.count + skipped)
      out += header(entry, isCentral: false, offset: 0) + entry.data
      if entry.name.hasSuffix("hole") {
        try handle.write(contentsOf: out)
        skipped = out.count + hole
        out = []
        try handle.seek(toOffset: UInt64(skipped))
      }
    }
    let start = out.count + skipped
    for (entry, offset) in zip(entries, offsets) { out += header(entry, isCentral: true, offset: offset) }
    appendEnd(&out, count: entries.count, start: start, end: out.count + skipped)
    try handle.write(contentsOf: out)
  }

  private static func create(_ path: String) throws -> FileHandle {
    try Data().write(to: URL(fileURLWithPath: path))
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  private static func header(_ entry: ZipBuilder.Entry, isCentral: Bool, offset: Int) -> [UInt8] {
    let isHole = entry.name.hasSuffix("hole")
    var extra: [UInt8] = []
    if isHole { for _ in 0..<2 { extra.put64(UInt64(hole)) } }
    if offset > Int(UInt32.max) { extra.put64(UInt64(offset)) }
    var field: [UInt8] = []
    if !extra.isEmpty {
      field.put16(1)
      field.put16(extra.count)
    }
    let size = isHole ? 0xFFFF_FFFF : entry.data.count
    var out: [UInt8] = [0x50, 0x4B] + (isCentral ? [1, 2, 45, 0] : [3, 4]) + [45, 0]
    out.put64(0)
    out.put32(isHole ? 0x1234_5678 : CRC32.of(entry.data))
    out.put32(size)
    out.put32(size)
    out.put16(entry.name.utf8.count)
    out.put16(field.count + extra.count)
    if isCentral {
      out.put16(0)
      out.put64(0)
      out.put32(min(offset, 0xFFFF_FFFF))
    }
    return out + entry.name.utf8 + field + extra
  }

  private static func appendEnd(_ out: inout [UInt8], count: Int, start: Int, end: Int) {
    out += [0x50, 0x4B, 6, 6]
    out.put64(44)
    out.put32(45 | 45 << 16)
    out.put64(0)
    for value in [count, count, end - start, start] { out.put64(UInt64(value)) }
    out += [0x50, 0x4B, 6, 7]
    out.put32(0)
    out.put64(UInt64(end))
    out.put32(1)
    out += [0x50, 0x4B, 5, 6]
    out.put32(0)
    for _ in 0..<2 { out.put16(count) }
    out.put32(end - start)
    out.put32(0xFFFF_FFFF)
    out.put16(0)
  }
}
