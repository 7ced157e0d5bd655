import CKernels
import Glibc
import Tensors

/// Measures the machine's peak of fused multiply-adds, in this process and now: the yardstick of every figure.
package enum PeakProbe {
  /// The best of several rounds, in multiply-adds a second, with all `workers` busy.
  ///
  /// - Complexity: about `seconds` of wall time.
  package static func multiplyAddsPerSecond(
    workers: Workers, instructionSet: InstructionSet, seconds: Double = 0.3
  ) throws -> Double {
    let job = PeakJob(kernels: try instructionSet.kernels(), threads: workers.count)
    var best = 0.0
    let start = job.clock()
    repeat {
      let before = job.clock()
      workers.pool.run(job)
      best = max(best, job.total / (job.clock() - before))
    } while job.clock() - start < seconds
    return best
  }
}

private final class PeakJob: TeamJob, @unchecked Sendable {
  // Unchecked: each worker writes its own places.
  private let kernels: UnsafePointer<evssm_kernels>
  private let counts: UnsafeMutableBufferPointer<Double>
  private let sinks: UnsafeMutableBufferPointer<Float>

  init(kernels: UnsafePointer<evssm_kernels>, threads: Int) {
    self.kernels = kernels
    counts = .allocate(capacity: threads)
    counts.initialize(repeating: 0)
    sinks = .allocate(capacity: threads * 64)
    sinks.initialize(repeating: 0)
  }

  deinit {
    counts.deallocate()
    sinks.deallocate()
  }

  var total: Double { counts.reduce(0, +) }

  func run(worker: Int, team: Team) {
    guard let sink = sinks.baseAddress else { return }
    var arguments = evssm_peak_args(iterations: 2_000_000, sink: sink + worker * 64)
    counts[worker] = kernels.pointee.peak(&arguments)
  }

  func clock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
