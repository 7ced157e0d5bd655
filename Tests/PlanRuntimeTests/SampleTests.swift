import ExecutionPlan
import GraphIR
import PlanRuntime
import Tensors
import Testing

@testable import GraphCompiler

/// Pictures of 8 bits that are restored where their samples lie, against the same pictures as planes.
@Suite struct SampleTests {
  /// Samples of every value, with stretches of 0 and 255, whose results lie beyond 0...1 as well.
  private func samples(height: Int, width: Int) -> [UInt8] {
    var numbers = SeededNumbers(seed: 31)
    return (0..<3 * height * width).map { _ in UInt8(max(0, min(255, numbers.uniform() * 320 - 32))) }
  }

  /// Planes (3, height, width) of sample / 255.
  private func planes(_ samples: [UInt8]) -> [Float] {
    let pixels = samples.count / 3
    return (0..<3 * pixels).map { Float(samples[3 * ($0 % pixels) + $0 / pixels]) / 255 }
  }

  /// The rounded planes with the colours of a pixel side by side.
  private func rounded(_ planes: [Float]) -> [UInt8] {
    let pixels = planes.count / 3
    return (0..<3 * pixels).map { UInt8((255 * max(0, min(1, planes[$0 % 3 * pixels + $0 / 3])) + 0.5).rounded(.down)) }
  }

  private func stages() throws -> Graph {
    var stages = try StageGraph(channels: 16, seed: 32)
    try stages.downAndUp(kernelSide: 3)
    try stages.feedForwardStage(frame: .upright, hidden: 24)
    return try stages.finished()
  }

  @Test(arguments: [(20, 20), (21, 23), (22, 131), (131, 21), (45, 70), (23, 301)])
  func samplesGiveTheRoundedPlanes(height: Int, width: Int) throws {
    let plan = try StageTests.load(stages(), schedule: Schedule())
    let picture = samples(height: height, width: width)
    for set in InstructionSet.available {
      for threads in 1...3 {
        let session = try PlanSession(
          plan: plan, height: height, width: width, workers: Workers(threads: threads), instructionSet: set)
        let result = try session.run(planes(picture))
        #expect(result.contains { $0 < 0 } && result.contains { $0 > 1 })
        for _ in 0..<2 {
          var restored = picture
          #expect(try session.restore(samples: &restored) == 0)
          #expect(restored == rounded(result), "\(set) \(threads) threads, \(height)×\(width)")
        }
        #expect(try session.run(planes(picture)) == result, "planes after samples differ")
      }
    }
  }

  @Test func resultsThatAreNotFiniteAreCounted() throws {
    let description = ModelDescription(
      architecture: "test", hyperparameters: [], parameterCount: 0, windows: .released, minimumSide: 20)
    let compiled = try PlanCompiler.compile(fused: stages(), model: description, PlanSettings())
    let storage = try TensorStorage(byteCount: compiled.weights.bytes.count) { target in
      target.bindMemory(to: Float.self).update(repeating: .nan)
    }
    let loaded = try LoadedPlan(plan: compiled.plan, weights: storage)
    for threads in 1...2 {
      let session = try PlanSession(plan: loaded, height: 25, width: 47, workers: Workers(threads: threads))
      for _ in 0..<2 {
        var picture = samples(height: 25, width: 47)
        #expect(try session.restore(samples: &picture) == 3 * 25 * 47)
        #expect(picture.allSatisfy { $0 == 0 })
      }
    }
  }

  @Test func wrongNumbersOfSamplesAreRefused() throws {
    let plan = try StageTests.load(stages(), schedule: Schedule())
    let session = try PlanSession(plan: plan, height: 20, width: 24, workers: Workers(threads: 1))
    for count in [0, 1, 20 * 24, session.pictureCount - 1, session.pictureCount + 1] {
      var picture = [UInt8](repeating: 7, count: count)
      let error = #expect(throws: EVSSMError.self) { try session.restore(samples: &picture) }
      #expect(error?.code == "runtime.buffer-size")
      #expect(picture == [UInt8](repeating: 7, count: count))
    }
  }

  @Test func aStoppedRunLeavesTheSessionUsable() throws {
    let plan = try StageTests.load(stages(), schedule: Schedule())
    let session = try PlanSession(plan: plan, height: 30, width: 41, workers: Workers(threads: 2))
    let picture = samples(height: 30, width: 41)
    let control = RunControl()
    control.cancel()
    var restored = picture
    let error = #expect(throws: EVSSMError.self) { try session.restore(samples: &restored, control: control) }
    #expect(error?.code == "runtime.cancelled")
    restored = picture
    #expect(try session.restore(samples: &restored) == 0)
    #expect(try restored == rounded(session.run(planes(picture))))
  }
}
