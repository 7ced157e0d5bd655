import Tensors
import TestSupport
import Testing

@testable import SafetensorsFormat

@Suite struct ReadWriteTests {
  @Test func readsWhatTheHeaderSays() throws {
    let file = try read(
      file(entry("w", shape: "[2,2]") + ",\"__metadata__\":{\"format\":\"p\\u00e4\\ud83d\\ude00\\n\"}"))
    let tensor = try #require(file.catalogue["w"])
    #expect(tensor.shape == [2, 2] && tensor.dtype == .float32)
    #expect(tensor.withUnsafeBytes { Array($0) } == (0..<16).map(UInt8.init))
    #expect(file.metadata == ["format": "pä😀\n"])
  }

  @Test func S20_zeroSizeBetweenTensors() throws {
    let members = [
      entry("a"), entry("z", shape: "[0,3]", offsets: "[16,16]"), entry("b", shape: "[]", offsets: "[16,20]"),
    ]
    let catalogue = try read(file(members.joined(separator: ","), data: 20)).catalogue
    #expect(catalogue.names == ["a", "z", "b"])
    #expect(catalogue["z"]?.byteCount == 0 && catalogue["b"]?.shape == [])
  }

  @Test func S23_unalignedData() throws {
    let aligned = "{\(entry())}"
    for padding in 0..<8 {
      let file = try read(safetensors(aligned + String(repeating: " ", count: padding), data: 16))
      #expect(file.catalogue["a"]?.withUnsafeBytes { Array($0) } == (0..<16).map(UInt8.init))
      #expect(file.report.isDataAligned == ((aligned.utf8.count + padding) % 8 == 0))
    }
  }

  @Test(arguments: ["  {", " \n\t{"], ["}", "}   ", "}\r\n"])
  func S24_spaces(_ opening: String, _ closing: String) throws {
    #expect(try read(safetensors(opening + entry() + closing, data: 16)).catalogue.count == 1)
  }

  @Test func recognisesContent() {
    #expect(SafetensorsFile.canRead(prefix: safetensors("{}")))
    #expect(SafetensorsFile.canRead(prefix: Array(file(entry()).prefix(9))))
    #expect(SafetensorsFile.canRead(prefix: Array("{\n  \"metadata\"".utf8)))
    #expect(!SafetensorsFile.canRead(prefix: Array("PK\u{3}\u{4}123456789".utf8)))
    #expect(!SafetensorsFile.canRead(prefix: Array("\u{8}\u{1}\u{12}pytorch".utf8)))
    #expect(!SafetensorsFile.canRead(prefix: []))
  }

  /// One tensor of every type, in an order that would misalign them if the data kept it.
  private func everyType() throws -> TensorCatalogue {
    var catalogue = TensorCatalogue()
    for (index, dtype) in DType.allCases.reversed().enumerated() {
      let tensor = try Tensor(dtype: dtype, shape: [3, 1]) { bytes in
        for i in bytes.indices { bytes[i] = dtype == .bool ? UInt8(i & 1) : UInt8(truncatingIfNeeded: 7 * i + index) }
      }
      try catalogue.append("layer.\(dtype.rawValue)", tensor)
    }
    try catalogue.append("scalar \"quoted\" \\", Tensor(shape: [], floats: [.nan]))
    try catalogue.append("none", Tensor(shape: [0, 5], floats: []))
    return catalogue
  }

  @Test func roundTripsEveryType() throws {
    let directory = try TemporaryDirectory()
    let catalogue = try everyType()
    let path = directory.path("out.safetensors")
    try SafetensorsFile.write(catalogue, metadata: ["b": "2\u{1}", "a": "\"1\""], to: path)
    let file = try SafetensorsFile.read(path: path)
    #expect(file.catalogue.names == catalogue.names)
    #expect(file.metadata == ["a": "\"1\"", "b": "2\u{1}"])
    #expect(file.report.isDataAligned && (8 + file.report.headerByteCount) % 64 == 0)
    for name in catalogue.names {
      let (read, wrote) = (try #require(file.catalogue[name]), try #require(catalogue[name]))
      #expect(read.dtype == wrote.dtype && read.shape == wrote.shape)
      #expect(read.withUnsafeBytes { Array($0) } == wrote.withUnsafeBytes { Array($0) })
      #expect(read.byteOffset % read.dtype.byteCount == 0)
    }
  }

  @Test func writesTheSameBytesAndNothingElse() throws {
    let directory = try TemporaryDirectory()
    let metadata = ["z": "1", "y": "2", "x": "3"]
    for name in ["one", "two", "two"] {
      try SafetensorsFile.write(everyType(), metadata: metadata, to: directory.path(name))
    }
    #expect(try bytes(ofFile: directory.path("one")) == bytes(ofFile: directory.path("two")))
    #expect(try directory.contents() == ["one", "two"])
  }

  @Test func aRefusedWriteLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    var catalogue = TensorCatalogue()
    try catalogue.append("../x", Tensor(shape: [1], floats: [0]))
    expectRefusal("name", "tensor-name.unsafe") { try SafetensorsFile.write(catalogue, to: directory.path("x")) }
    expectRefusal("directory", "file.unwritable") { try SafetensorsFile.write(.init(), to: directory.path) }
    expectRefusal("no directory", "file.unwritable") { try SafetensorsFile.write(.init(), to: directory.path("a/b")) }
    #expect(try directory.contents() == [])
  }
}
