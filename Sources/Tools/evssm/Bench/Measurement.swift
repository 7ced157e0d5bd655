import CAllocationCounter
import ModelCompiler
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

  /// Runs `session` once to warm up and `runs` times for the figures, on a picture of seeded noise of 8 bits, restored where it lies
  /// as `run` does.
  init(_ session: PlanSession, runs: Int) throws {
    var samples = [UInt8](repeating: 0, count: session.pictureCount)
    var seconds: [Double] = []
    var steps: [[Double]] = []
    var allocations = 0
    Self.fill(&samples)
    try session.restore(samples: &samples)
    for _ in 0..<runs {
      Self.fill(&samples)
      let before = evssm_allocation_count()
      let start = ContinuousClock.now
      try session.restore(samples: &samples)
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

  /// One more run, whose phases are recorded.
  static func trace(_ session: PlanSession) throws -> RunTrace {
    let trace = RunTrace(workers: session.workers)
    var samples = [UInt8](repeating: 0, count: session.pictureCount)
    fill(&samples)
    try session.restore(samples: &samples, trace: trace)
    return trace
  }

  var median: Double { Self.median(seconds) }

  /// The middle value, or the mean of the middle two; 0 for none.
  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.indices.last else { return 0 }
    return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
  }

  private static func fill(_ samples: inout [UInt8]) {
    var noise = SeededNoise()
    for index in samples.indices { samples[index] = UInt8(truncatingIfNeeded: noise.next() >> 56) }
  }
}
