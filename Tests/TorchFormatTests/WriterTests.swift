import Foundation
import Tensors
import TestSupport
import Testing
import TorchFormat

@Suite struct WriterTests {
  private func catalogue(_ names: [String] = ["a", "b.weight", "ü"]) throws -> TensorCatalogue {
    var catalogue = TensorCatalogue()
    for (index, name) in names.enumerated() {
      try catalogue.append(name, try Tensor(shape: [2, index], floats: (0..<2 * index).map { Float($0) - 0.5 }))
    }
    return catalogue
  }

  private func bytes(_ catalogue: TensorCatalogue, wrapper: String? = "params") throws -> [UInt8] {
    try Contract.withDirectory { directory in
      try TorchCheckpoint.write(catalogue, wrapper: wrapper, to: directory + "/a.pth")
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/a.pth")))
    }
  }

  @Test("The same tensors give the same bytes")
  func deterministic() throws { #expect(try bytes(catalogue()) == bytes(catalogue())) }

  @Test(arguments: ["params", "state_dict", nil])
  func wrapper(_ wrapper: String?) throws {
    let checkpoint = try Contract.read(bytes(catalogue(), wrapper: wrapper))
    #expect(checkpoint.report.wrapper == wrapper ?? "bare")
    #expect(checkpoint.catalogue.names == ["a", "b.weight", "ü"])
    #expect(checkpoint.catalogue["ü"]?.floats() == [-0.5, 0.5, 1.5, 2.5])
  }

  @Test("Every type, and views into one storage")
  func types() throws {
    var catalogue = TensorCatalogue()
    let storage = try TensorStorage(byteCount: 80) { bytes in
      for index in bytes.indices { bytes[index] = UInt8(index * 3 & 0xFF) }
    }
    for dtype in DType.allCases {
      try catalogue.append(dtype.rawValue, try Tensor(dtype: dtype, shape: [2, 2], storage: storage, byteOffset: 8))
      try catalogue.append(
        "0-d " + dtype.rawValue, try Tensor(dtype: dtype, shape: [], storage: storage, byteOffset: 16))
      try catalogue.append("empty " + dtype.rawValue, try Tensor(dtype: dtype, shape: [3, 0, 2], storage: storage))
    }
    let again = try Contract.read(bytes(catalogue)).catalogue
    #expect(again.names == catalogue.names)
    for name in catalogue.names {
      let (written, found) = (try #require(catalogue[name]), try #require(again[name]))
      #expect(found.dtype == written.dtype)
      #expect(found.shape == written.shape)
      #expect(written.withUnsafeBytes { Array($0) } == found.withUnsafeBytes { Array($0) })
    }
  }

  @Test("An existing file is replaced whole; a failure leaves it and nothing else")
  func atomic() throws {
    try Contract.withDirectory { directory in
      let path = directory + "/a.pth"
      try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
      let bad = try catalogue(["good", "bad\nname"])
      let error = #expect(throws: EVSSMError.self) { try TorchCheckpoint.write(bad, to: path) }
      #expect(error?.code == "torch.tensor-name")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([1, 2, 3]))
      try TorchCheckpoint.write(catalogue(), to: path)
      #expect(try TorchCheckpoint.read(path: path).catalogue.count == 3)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["a.pth"])
    }
  }

  @Test("A directory that is not there is an error of output", arguments: ["/nowhere/at/all/a.pth", "/proc/a.pth", ""])
  func unwritable(_ path: String) throws {
    let error = #expect(throws: EVSSMError.self) { try TorchCheckpoint.write(try catalogue(), to: path) }
    #expect(error?.code == "torch.write")
    #expect(error?.category == .inputOutput)
  }

  @Test("Sniffing goes by content")
  func sniffing() throws {
    #expect(TorchCheckpoint.canRead(prefix: Checkpoints.good.prefix(8)))
    #expect(TorchCheckpoint.canRead(prefix: Checkpoints.legacy().prefix(64)))
    for name in ["tensors-legacy", "state-dict-legacy", "tensors-protocol4"] {
      let data = try Data(contentsOf: FixtureTests.directory.appendingPathComponent(name + ".pth"))
      #expect(TorchCheckpoint.canRead(prefix: data.prefix(TorchCheckpoint.sniffedByteCount)))
    }
    for other in [[], [0x80], [0x80, 2, 0x8A], [0x1F, 0x8B], [2, 0, 0, 0, 0, 0, 0, 0, 0x7B], Array("PK".utf8)]
      as [[UInt8]]
    {
      #expect(!TorchCheckpoint.canRead(prefix: other))
    }
  }
}
