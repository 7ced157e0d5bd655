import TestSupport
import Tensors
import Testing
import ZipFormat

@Suite("Written zip archives")
struct WriterTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ path: String) throws {
    let writer = try ZipWriter(path: path)
    try writer.add("a/bytes", Array(0...255))
    try writer.add("a/empty", [UInt8]())
    try writer.add("a/tensor", Tensor(shape: [2, 2], floats: [1, 2, 3, 4]))
    try writer.add("ä", [1])
    try writer.finish()
    // A second time there is nothing to write.
    try writer.finish()
  }

  @Test("read as they were written, and are the same bytes each time")
  func roundTrip() throws {
    try write(directory.path("a.zip"))
    try write(directory.path("b.zip"))
    #expect(try bytes(ofFile: directory.path("a.zip")) == bytes(ofFile: directory.path("b.zip")))
    let archive = try ZipArchive(file: InputFile(directory.path("a.zip")))
    let entries = archive.directory.entries
    #expect(entries.map(\.name) == ["a/bytes", "a/empty", "a/tensor", "ä"])
    #expect(entries.allSatisfy { $0.method == .stored })
    func record(_ index: Int) throws -> [UInt8] { try archive.bytes(of: entries[index], limit: 256, name: "max_test") }
    #expect(try record(0) == Array(0...255))
    #expect(try record(1) == [])
    #expect(try record(2) == [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64])
    #expect(try record(3) == [1])
  }

  @Test("replace what has their name, and leave it when they are not finished")
  func replaces() throws {
    let path = try directory.file("a.zip", [7])
    do {
      let writer = try ZipWriter(path: path)
      try writer.add("x", [1])
    }
    #expect(try bytes(ofFile: path) == [7])
    try write(path)
    #expect(try ZipArchive(file: InputFile(path)).directory.entries.count == 4)
    #expect(try directory.contents() == ["a.zip"])
  }

  @Test("are refused where they cannot be, with the caller's code")
  func unwritable() {
    expectRefusal("a missing folder", "test.write") {
      let writer = try ZipWriter(path: directory.path("none/a.zip"), errorCode: "test.write")
      try writer.add("x", [1])
      try writer.finish()
    }
    expectRefusal("a name twice", "zip.write") {
      let writer = try ZipWriter(path: directory.path("twice.zip"))
      try writer.add("x", [1])
      try writer.add("x", [2])
      try writer.finish()
    }
  }
}
