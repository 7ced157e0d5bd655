import Glibc
import Synchronization
import Tensors

/// What a pool's threads run together: called once on every worker, with its number.
protocol TeamJob: AnyObject, Sendable {
  func run(worker: Int, team: Team)
}

/// A fixed set of threads. The thread that calls ``run(_:)`` is worker 0; the others sleep in between.
final class ThreadPool: @unchecked Sendable {
  // Unchecked: `handles` is written only in init and read only in deinit.
  private let shared: Shared
  private var handles: [pthread_t] = []

  static let maxThreads = 256

  var team: Team { shared.team }

  /// - Parameter threads: 1 to ``maxThreads``.
  init(threads: Int) throws {
    guard (1...Self.maxThreads).contains(threads) else {
      throw EVSSMError(
        "runtime.threads", "\(threads) threads were asked for; give 1 to \(Self.maxThreads).", category: .usage,
        place: .init(option: "--threads"), limit: "max_threads")
    }
    shared = Shared(team: Team(count: threads))
    for worker in 1..<max(threads, 1) { handles.append(try Self.start(worker, shared)) }
  }

  deinit {
    shared.job = nil
    shared.start.open()
    for handle in handles { pthread_join(handle, nil) }
  }

  /// Runs the job on every thread and returns when all are done. Allocates nothing. Not reentrant.
  ///
  /// - Returns: why `control` stopped the run; nil if it did not.
  @discardableResult
  func run(_ job: any TeamJob, control: RunControl? = nil, trace: RunTrace? = nil) -> StopReason? {
    team.reset(control, trace)
    defer { team.reset(nil, nil) }
    shared.job = job
    shared.start.open()
    team.threads.run(0) { job.run(worker: 0, team: team) }
    let stop = team.stop
    team.barrier()
    return stop
  }

  private static func start(_ worker: Int, _ shared: Shared) throws -> pthread_t {
    var handle = pthread_t()
    let context = Unmanaged.passRetained(Worker(number: worker, shared: shared))
    let status = pthread_create(
      &handle, nil,
      { context in
        if let context { Unmanaged<Worker>.fromOpaque(context).takeRetainedValue().loop() }
        return nil
      }, context.toOpaque())
    guard status == 0 else {
      context.release()
      throw EVSSMError(
        "runtime.thread-start", "The system starts no further thread (error \(status)).", category: .internal)
    }
    return handle
  }

  /// What the threads share; they hold no reference to the pool, so that it can end them.
  private final class Shared: @unchecked Sendable {
    // Unchecked: `job` is written before the start gate opens and read behind it.
    let team: Team
    let start = Gate(patience: 2000)
    var job: (any TeamJob)?
    init(team: Team) { self.team = team }
  }

  private final class Worker {
    let number: Int
    let shared: Shared

    init(number: Int, shared: Shared) {
      self.number = number
      self.shared = shared
    }

    func loop() {
      var generation = 0
      while true {
        shared.start.wait(past: generation)
        generation += 1
        guard let job = shared.job else { return }
        shared.team.threads.run(number) { job.run(worker: number, team: shared.team) }
        shared.team.barrier()
      }
    }
  }
}
