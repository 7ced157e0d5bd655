import Foundation
import TestSupport
import Tensors
import Testing
import TorchFormat

/// Entries of the catalogue of hostile input that only a whole process can show.
@Suite struct HostileProcessTests {
  @Test("L14 an instruction set that this processor lacks is refused by name", arguments: ["avx9", "neon", "AVX2 "])
  func instructionSet(name: String) throws {
    #if arch(arm64)
      if name == "neon" { return }
    #endif
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let outcome = try CommandLineTool.run(["verify", plan], environment: ["EVSSM_ISA": name])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("runtime.isa"))
    #expect(outcome.errors.contains("baseline"))
  }

  @Test(
    "L15 thread counts out of range are usage errors", arguments: ["0", "-1", "2147483648", "99999999999999999999"])
  func threads(count: String) throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let outcome = try CommandLineTool.run(["bench", plan, "--size", "32x32", "--threads", count])
    #expect(outcome.status == 64)
  }

  @Test("L23 a plan truncated in place while it runs ends the process in order")
  func truncatedWhileMapped() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLineTool.path)
    process.arguments = ["bench", plan, "--size", "96x96", "--runs", "10000", "--threads", "2"]
    let errors = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    try waitUntilMapped(plan, by: process)
    #expect(truncate(plan, 4096) == 0)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 74)
    #expect(!errors.fileHandleForReading.readDataToEndOfFile().isEmpty)
  }

  /// Returns when the process holds a mapping of the file and has gone on for a moment.
  private func waitUntilMapped(_ path: String, by process: Process) throws {
    for _ in 0..<1000 {
      let maps = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/maps", encoding: .utf8)) ?? ""
      if maps.contains(path) { break }
      usleep(10_000)
    }
    usleep(200_000)
    try #require(process.isRunning, "the benchmark ended before the file was truncated")
  }

  @Test("L23 a plan replaced by another file while it runs is not disturbed")
  func replacedWhileMapped() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLineTool.path)
    process.arguments = ["bench", plan, "--size", "96x96", "--runs", "10000"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try waitUntilMapped(plan, by: process)
    let other = try directory.file("other", [1, 2, 3])
    #expect(rename(other, plan) == 0)
    usleep(500_000)
    #expect(process.isRunning)
    // Test runners may have their children ignore SIGTERM.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == SIGKILL)
  }

  @Test("T30 weights that are not finite compile, and the plan says so")
  func nonFiniteWeights() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = directory.path("nan.pth")
    let catalogue = try SmallModel.catalogue().map { name, tensor in
      guard name == "encoder_level2.block0.attn.out_proj.weight" else { return tensor }
      var values = tensor.floats()
      values[0] = .nan
      values[1] = -.infinity
      return try Tensor(shape: tensor.shape, floats: values)
    }
    try TorchCheckpoint.write(catalogue, to: checkpoint)
    let plan = directory.path("nan.plan")
    let compiled = try CommandLineTool.run(["compile", checkpoint, "-o", plan])
    #expect(compiled.status == 0)
    #expect(compiled.errors.contains("2 packed weights are NaN or infinite"))
    let inspected = try CommandLineTool.run(["inspect", plan])
    #expect(inspected.output.contains("non_finite_weights"))
    #expect(try CommandLineTool.run(["verify", plan]).status == 0)
  }
}
