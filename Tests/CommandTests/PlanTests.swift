import Foundation
import TestSupport
import Tensors
import Testing
import TorchFormat

@Suite("evssm compile")
struct CompileTests {
  @Test("gives the same bytes for the same input and options")
  func deterministic() throws {
    let directory = try TemporaryDirectory()
    let first = try bytes(ofFile: SmallModel.plan(in: directory, options: ["--size", "48x32"]))
    #expect(try bytes(ofFile: SmallModel.plan(in: directory, options: ["--size", "48x32"])) == first)
    let whole = try SmallModel.plan(in: directory, options: ["--windows", "whole", "--size", "48x32"])
    #expect(try bytes(ofFile: whole) != first)
  }

  @Test("explains every rewrite")
  func explain() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try SmallModel.checkpoint(in: directory)
    let outcome = try CommandLineTool.run(["compile", checkpoint, "-o", directory.path("a.plan"), "--explain"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("applied"))
    try Snapshot.expect(outcome.output, equals: "explain")
  }

  @Test("rounds matrices to bfloat16 when asked to, says so everywhere, and verifies")
  func reducedPrecision() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try SmallModel.checkpoint(in: directory)
    let plan = directory.path("a.plan")
    let compiled = try CommandLineTool.run(
      ["compile", checkpoint, "-o", plan, "--precision", "bfloat16", "--explain"])
    #expect(compiled.status == 0 && !compiled.errors.contains("warning"))
    #expect(compiled.errors.contains("matrices in bfloat16"))
    #expect(compiled.output.contains("round-matrices: applied at decoder_level1.block0.scan_stage"))
    #expect(compiled.output.contains("round-matrices: rejected at encoder_level1.block0.scan_stage"))
    let json = try CommandLineTool.run(["inspect", plan, "--json"]).json()
    #expect(json["precision"] as? String == "bfloat16")
    let steps = try #require(json["steps"] as? [[String: Any]])
    #expect(Set(steps.compactMap { $0["precision"] as? String }) == ["float32", "bfloat16"])
    #expect((json["certificate"] as? [String: Any])?["least_decibels"] as? Double == 50)
    let verified = try CommandLineTool.run(["verify", plan])
    #expect(verified.status == 0 && verified.output.contains("dB"))
    #expect(try CommandLineTool.run(["verify", plan, "--against", checkpoint]).status == 0)
    let bench = try CommandLineTool.run(["bench", plan, "--size", "32x32", "--runs", "1", "--json"]).json()
    #expect(bench["precision"] as? String == "bfloat16")
    #expect(bench["allocations_per_run"] as? Int == 0)
    #expect(try CommandLineTool.run(["compile", checkpoint, "-o", plan, "--precision", "int3"]).status == 64)
  }

  @Test(
    "says that a plan gives results that are not finite, whatever its precision", arguments: ["float32", "bfloat16"])
  func overflow(_ precision: String) throws {
    let directory = try TemporaryDirectory()
    let original = try SmallModel.catalogue()
    var catalogue = TensorCatalogue()
    for name in original.names {
      let tensor = try #require(original[name])
      let factor: Float = ["patch_embed.proj.weight", "output.weight"].contains(name) ? 1e30 : 1
      try catalogue.append(name, Tensor(shape: tensor.shape, floats: tensor.floats().map { $0 * factor }))
    }
    let checkpoint = directory.path("large.pth")
    let plan = directory.path("a.plan")
    try TorchCheckpoint.write(catalogue, to: checkpoint)
    let compiled = try CommandLineTool.run(["compile", checkpoint, "-o", plan, "--precision", precision])
    #expect(compiled.status == 0 && compiled.errors.contains("NaN or infinite"))
    #expect(try CommandLineTool.run(["inspect", plan]).output.contains("non_finite_results"))
  }

  @Test("refuses sizes that the network cannot run and checkpoints that are not EVSSM's; writes nothing")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try SmallModel.checkpoint(in: directory)
    let small = try CommandLineTool.run(["compile", checkpoint, "-o", directory.path("a.plan"), "--size", "19x64"])
    #expect(small.status == 65)
    #expect(small.errors.contains("[picture.too-small]"))
    var catalogue = TensorCatalogue()
    try catalogue.append("conv1.weight", Tensor(shape: [1], floats: [0]))
    try TorchCheckpoint.write(catalogue, to: directory.path("b.pth"))
    let foreign = try CommandLineTool.run(["compile", directory.path("b.pth"), "-o", directory.path("a.plan")])
    #expect(foreign.status == 65)
    #expect(foreign.errors.contains("[evssm.not-recognised]"))
    #expect(try directory.contents() == ["b.pth", "small.pth"])
  }

  @Test("makes plans that inspect describes")
  func inspect() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(
      in: directory, options: ["--windows", "whole", "--size", "48x32", "--size", "48x32"])
    let json = try CommandLineTool.run(["inspect", plan, "--json", "--size", "48x32"]).json()
    #expect(json["kind"] as? String == "plan")
    #expect(json["architecture"] as? String == "EVSSM")
    #expect(json["windows"] as? String == "whole")
    #expect(json["parameters"] as? Int == (try SmallModel.architecture.parameterCount()))
    #expect((json["bindings"] as? [[String: Any]])?.count == 1)
    let cost = try #require(json["cost"] as? [String: Any])
    let expected = try SmallModel.architecture.multiplyAdds(height: 32, width: 48, windows: .whole)
    #expect(cost["macs"] as? Int == expected)
    let outcome = try CommandLineTool.run(["inspect", "small.plan"], directory: directory.path)
    try Snapshot.expect(Self.withoutDigest(outcome.output), equals: "inspect-plan")
  }

  /// Weights that come from the system's mathematical functions may differ in the last bit between systems.
  private static func withoutDigest(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.filter { !$0.hasPrefix("digest") }.joined(separator: "\n")
  }
}

@Suite("evssm verify")
struct VerifyTests {
  @Test("checks the certificate, and every step against the checkpoint")
  func passes() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let certificate = try CommandLineTool.run(["verify", plan])
    #expect(certificate.status == 0, "\(certificate.errors)")
    #expect(certificate.output.hasPrefix("certificate  probe 52x40, largest difference "))
    let stages = try CommandLineTool.run(["verify", plan, "--against", directory.path("small.pth")])
    #expect(stages.status == 0, "\(stages.errors)")
    #expect(stages.output.contains("encoder_level1.block0.scan_stage"))
    #expect(!stages.output.contains("differs"))
  }

  @Test("names the first step that another checkpoint's differs from")
  func diverges() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let changed = try SmallModel.catalogue().map { name, tensor in
      guard name == "decoder_level3.block0.ffn.project_out.weight" else { return tensor }
      return try Tensor(shape: tensor.shape, floats: tensor.floats().map { $0 * 1.001 })
    }
    let path = directory.path("changed.pth")
    try TorchCheckpoint.write(changed, to: path)
    let outcome = try CommandLineTool.run(["verify", plan, "--against", path])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("decoder_level3.block0.feed_forward_stage: This step is the first"))
    #expect(outcome.errors.contains("[verify.divergent]"))
  }

  @Test("refuses a checkpoint of other blocks, and a picture without a checkpoint")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let other = directory.path("other.pth")
    let architecture = SeededWeights.architecture(dim: 8, blocks: [1, 1, 2])
    try TorchCheckpoint.write(SeededWeights.catalogue(architecture, seed: 1), to: other)
    let outcome = try CommandLineTool.run(["verify", plan, "--against", other])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("[verify.steps]"))
    #expect(try CommandLineTool.run(["verify", plan, "--input", "a.png"]).status == 64)
  }
}

@Suite("evssm bench and kernels")
struct BenchTests {
  @Test("bench has every figure, and counts no allocation")
  func bench() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let outcome = try CommandLineTool.run(
      ["bench", plan, "--size", "48x32", "--runs", "3", "--threads", "2", "--profile", "--json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json()
    for name in ["median_s", "min_s", "max_s", "gmac_per_s", "peak_gmac_per_s", "fraction_of_peak"] {
      #expect((json[name] as? Double ?? 0) > 0, "\(name)")
    }
    for name in ["arena_bytes", "arena_lower_bound_bytes", "weights_bytes", "peak_rss_bytes"] {
      #expect((json[name] as? Int ?? 0) > 0, "\(name)")
    }
    #expect(json["allocations_per_run"] as? Int == 0)
    #expect(json["threads"] as? Int == 2)
    #expect(json["isa"] as? String != nil)
    #expect(json["macs"] as? Int == (try SmallModel.architecture.multiplyAdds(height: 32, width: 48)))
    let steps = try #require(json["steps"] as? [[String: Any]])
    let shares = steps.compactMap { $0["share"] as? Double }
    #expect((0.5...1.000_001).contains(shares.reduce(0, +)))
  }

  @Test("bench prints a table of steps")
  func profile() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let outcome = try CommandLineTool.run(["bench", plan, "--size", "24x20", "--runs", "1", "--profile"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("allocations  0 a run"))
    #expect(outcome.output.contains("encoder_level1.block0.scan_stage"))
  }

  @Test("kernels tells the instruction sets; EVSSM_ISA forces one")
  func kernels() throws {
    let json = try CommandLineTool.run(["kernels", "--json"]).json()
    let available = try #require(json["available"] as? [String])
    #expect(available.contains("baseline"))
    for name in available {
      let forced = try CommandLineTool.run(["kernels", "--json"], environment: ["EVSSM_ISA": name]).json()
      #expect(forced["isa"] as? String == name)
    }
  }
}
