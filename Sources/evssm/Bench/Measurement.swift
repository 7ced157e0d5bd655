import CAllocationCounter
import PlanRuntime
import Tensors

/// Times and counts of repeated runs of one session.
struct Measurement {
  /// Wall time of each run, in seconds, in order.
  let seconds: [Double]
  /// The run whose wall time is the median (the lower one of two): its time, and that of each of its steps.
  let profiledSeconds: Double
  let stepSeconds: [Double]
  /// The most calls for memory in one run.
  let allocationsPerRun: Int

  /// Runs `session` once to warm up and `runs` times for the figures, on a picture of seeded noise.
  init(_ session: PlanSession, runs: Int) throws {
    let input = Self.noise(count: session.pictureCount)
    var output = [Float](repeating: 0, count: session.pictureCount)
    var seconds: [Double] = []
    var steps: [[Double]] = []
    var allocations = 0
    try Self.run(session, input, &output)
    for _ in 0..<runs {
      let before = evssm_allocation_count()
      let start = ContinuousClock.now
      try Self.run(session, input, &output)
      let duration = ContinuousClock.now - start
      allocations = max(allocations, Int(evssm_allocation_count() - before))
      seconds.append(duration.seconds)
      steps.append(session.stepSeconds)
    }
    self.seconds = seconds
    let typical = seconds.indices.sorted { seconds[$0] < seconds[$1] }[(seconds.count - 1) / 2]
    profiledSeconds = seconds[typical]
    stepSeconds = steps[typical]
    allocationsPerRun = allocations
  }

  private static func run(
    _ session: PlanSession, _ input: [Float], _ output: inout [Float], _ trace: RunTrace? = nil
  ) throws {
    try input.withUnsafeBufferPointer { source in
      try output.withUnsafeMutableBufferPointer { try session.run(input: source, output: $0, trace: trace) }
    }
  }

  /// One more run, whose phases are recorded.
  static func trace(_ session: PlanSession) throws -> RunTrace {
    let trace = RunTrace(workers: session.workers)
    var output = [Float](repeating: 0, count: session.pictureCount)
    try run(session, noise(count: session.pictureCount), &output, trace)
    return trace
  }

  var median: Double { Self.median(seconds) }

  /// The middle value, or the mean of the middle two; 0 for none.
  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.indices.last else { return 0 }
    return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
  }

  /// Values in 0..<1 from a linear congruential generator with Knuth's constants: the same in every run.
  static func noise(count: Int) -> [Float] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) * 0x1p-24
    }
  }
}
