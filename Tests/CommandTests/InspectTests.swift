import Foundation
import EVSSMModel
import SafetensorsFormat
import TestSupport
import Tensors
import Testing
import TorchFormat

@Suite("evssm inspect")
struct InspectTests {
  @Test("reads hyper-parameters and cost of an EVSSM checkpoint")
  func checkpoint() throws {
    let directory = try TemporaryDirectory()
    let path = try SmallModel.checkpoint(in: directory)
    let json = try CommandLineTool.run(["inspect", path, "--json", "--size", "64x48"]).json()
    #expect(json["kind"] as? String == "checkpoint")
    #expect(json["container"] as? String == "zip")
    #expect(json["wrapper"] as? String == "params")
    #expect(json["architecture"] as? String == "EVSSM")
    #expect(json["dim"] as? Int == 8)
    #expect(json["blocks"] as? [Int] == [1, 1, 1])
    #expect(json["expansion"] as? Double == 3)
    #expect(json["dtype"] as? String == "float32")
    #expect(json["parameters"] as? Int == (try SmallModel.architecture.parameterCount()))
    #expect((json["tensors"] as? [[String: Any]])?.count == (try SmallModel.catalogue().count))
    let cost = try #require(json["cost"] as? [String: Any])
    #expect(cost["macs"] as? Int == (try SmallModel.architecture.multiplyAdds(height: 48, width: 64)))
  }

  @Test("prints what the snapshot says")
  func text() throws {
    let directory = try TemporaryDirectory()
    _ = try SmallModel.checkpoint(in: directory)
    let outcome = try CommandLineTool.run(["inspect", "small.pth"], directory: directory.path)
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    try Snapshot.expect(outcome.output, equals: "inspect-checkpoint")
  }

  @Test("finds the expansion factor of rounded hidden channels", arguments: [3, 2.66, 2.5, 1])
  func expansion(_ factor: Double) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("a.safetensors")
    let architecture = SeededWeights.architecture(dim: 24, blocks: [1, 1, 1], expansion: factor)
    try SafetensorsFile.write(SeededWeights.catalogue(architecture, seed: 1), to: path)
    let json = try CommandLineTool.run(["inspect", path, "--json"]).json()
    #expect(json["expansion"] as? Double == factor)
    #expect(json["wrapper"] is NSNull)
  }

  @Test("lists tensors that are not EVSSM's, with architecture null")
  func foreign() throws {
    let directory = try TemporaryDirectory()
    var catalogue = TensorCatalogue()
    try catalogue.append("conv1.weight", Tensor(shape: [2, 3], floats: [0, 1, 2, 3, 4, 5]))
    try catalogue.append("counter", Tensor(dtype: .int64, shape: []) { _ in })
    let path = directory.path("a.pth")
    try TorchCheckpoint.write(catalogue, to: path)
    let json = try CommandLineTool.run(["inspect", path, "--json"]).json()
    #expect(json["architecture"] is NSNull)
    #expect(json["dim"] is NSNull)
    #expect(json["dtype"] as? String == "mixed")
    #expect((json["difference"] as? String)?.contains("not an EVSSM checkpoint") == true)
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(tensors.map { $0["name"] as? String } == ["conv1.weight", "counter"])
    #expect(tensors.first?["shape"] as? [Int] == [2, 3])
  }

  @Test("gives the whole difference from a network that is nearly EVSSM's")
  func nearly() throws {
    let directory = try TemporaryDirectory()
    let catalogue = try SmallModel.catalogue()
    var changed = TensorCatalogue()
    for name in catalogue.names where name != "patch_embed.proj.weight" {
      guard let tensor = catalogue[name] else { continue }
      try changed.append(name == "output.weight" ? "output.scale" : name, tensor)
    }
    let path = directory.path("a.pth")
    try TorchCheckpoint.write(changed, to: path)
    let outcome = try CommandLineTool.run(["inspect", path, "--json"])
    let difference = try #require(try outcome.json()["difference"] as? String)
    #expect(outcome.status == 0)
    #expect(difference.contains("missing: patch_embed.proj.weight"))
    #expect(difference.contains("missing: output.weight"))
    #expect(difference.contains("unexpected: output.scale"))
  }
}
