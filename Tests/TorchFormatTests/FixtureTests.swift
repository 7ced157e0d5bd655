import Foundation
import Tensors
import Testing
import TorchFormat

/// Checkpoints that PyTorch wrote (`tools/generate/torch-fixtures`), compared bit for bit.
@Suite struct FixtureTests {
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/torch")

  private struct Expected: Decodable {
    var name: String
    var dtype: String
    var shape: [Int]
    var bytes: String
  }

  private func expected(_ name: String) throws -> [Expected] {
    let data = try Data(contentsOf: Self.directory.appendingPathComponent(name + ".json"))
    return try JSONDecoder().decode([Expected].self, from: data)
  }

  private func check(_ catalogue: TensorCatalogue, _ name: String) throws {
    let expected = try expected(name)
    #expect(!expected.isEmpty)
    #expect(catalogue.names == expected.map(\.name))
    for one in expected {
      let tensor = try #require(catalogue[one.name])
      #expect(tensor.dtype.rawValue == one.dtype, "\(one.name)")
      #expect(tensor.shape == one.shape, "\(one.name)")
      #expect(hexadecimal(tensor) == one.bytes, "\(one.name)")
    }
  }

  private func hexadecimal(_ tensor: Tensor) -> String {
    tensor.withUnsafeBytes { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  @Test(
    arguments: [
      ("tensors", "zip", "params"), ("tensors-protocol4", "zip", "params"), ("tensors-legacy", "legacy", "bare"),
      ("unsigned", "zip", "bare"), ("state-dict", "zip", "bare"), ("state-dict-legacy", "legacy", "bare"),
      ("training", "zip", "params_ema"),
    ])
  func reads(_ name: String, _ container: String, _ wrapper: String) throws {
    let checkpoint = try Contract.read(path: Self.directory.appendingPathComponent(name + ".pth").path)
    try check(checkpoint.catalogue, name)
    #expect(checkpoint.report.container == container)
    #expect(checkpoint.report.wrapper == wrapper)
    #expect(checkpoint.report.byteOrder == .little)
  }

  @Test("What a training script saves beside the weights is reported")
  func skipped() throws {
    let checkpoint = try TorchCheckpoint.read(path: Self.directory.appendingPathComponent("training.pth").path)
    #expect(checkpoint.report.skipped == ["epoch", "best", "params", "optimizer", "size", "device", "dtype"])
    let optimizer = #expect(throws: EVSSMError.self) {
      try TorchCheckpoint.read(path: Self.directory.appendingPathComponent("training.pth").path, key: "optimizer")
    }
    #expect(optimizer?.code == "torch.key")
  }

  @Test("A file of PyTorch's, cut anywhere, is refused", arguments: ["tensors", "tensors-legacy"])
  func cut(_ name: String) throws {
    let bytes = [UInt8](try Data(contentsOf: Self.directory.appendingPathComponent(name + ".pth")))
    for part in 1..<64 {
      #expect(throws: EVSSMError.self) { try Contract.read(Array(bytes.prefix(bytes.count * part / 64))) }
    }
  }

  @Test("A flipped byte of a file of PyTorch's is refused, or harmless")
  func flipped() throws {
    let bytes = [UInt8](try Data(contentsOf: Self.directory.appendingPathComponent("state-dict.pth")))
    let good = try Contract.read(bytes).catalogue
    for index in stride(from: 0, to: bytes.count, by: 7) {
      var changed = bytes
      changed[index] ^= 1 << (index % 8)
      guard let found = try? Contract.read(changed).catalogue else { continue }
      #expect(found.names == good.names)
      for name in good.names { #expect(found[name].map(hexadecimal) == good[name].map(hexadecimal), "byte \(index)") }
    }
  }

  @Test(arguments: ["tensors", "unsigned", "state-dict"])
  func writes(_ name: String) throws {
    let original = try TorchCheckpoint.read(path: Self.directory.appendingPathComponent(name + ".pth").path)
    try Contract.withDirectory { directory in
      let path = directory + "/out.pth"
      try TorchCheckpoint.write(original.catalogue, wrapper: "params_ema", to: path)
      let again = try Contract.read(path: path)
      try check(again.catalogue, name)
      #expect(again.report.wrapper == "params_ema")
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["out.pth"])
    }
  }
}
