import CKernels
import Glibc
import Synchronization

/// The threads that run one step together: they share out tiles of work and meet at barriers.
///
/// Every thread calls the same sequence of ``tiles(_:worker:_:)``; which thread does which tile is left to chance, so a
/// tile's result must not depend on it.
final class Team: @unchecked Sendable {
  // Unchecked: `control` and `stop` change only while all workers but one wait at a barrier or for the start of a run.
  let count: Int
  /// The next tile of each worker's share, one cache line apart.
  private let next: CounterArray
  private let arrived = Atomic<Int>(0)
  private let gate: Gate
  /// Borrowed from the caller of the run, so that looking at it counts no references.
  @exclusivity(unchecked) private var control: Unmanaged<RunControl>?
  /// Borrowed likewise; nil unless the run is traced.
  @exclusivity(unchecked) private(set) var trace: Unmanaged<RunTrace>?
  /// Why the rest of the run is skipped; nil while it goes on.
  @exclusivity(unchecked) private(set) var stop: StopReason?

  init(count: Int) {
    self.count = count
    next = CounterArray(count: count)
    gate = Gate(patience: count <= Int(evssm_processor_count()) ? 20_000 : 50)
  }

  /// Sets what may stop the run that is about to start, and what notes its phases. Both must outlive the run.
  func begin(_ control: RunControl?, _ trace: RunTrace?) {
    self.control = control.map(Unmanaged.passUnretained)
    self.trace = trace.map(Unmanaged.passUnretained)
    stop = nil
  }

  /// Calls `body` for every tile in `0..<tileCount`, each on one thread, and returns when all are done. Does nothing
  /// once the run is stopped.
  ///
  /// A worker starts with its own share, so that consecutive phases find their data in its cache, then takes what is
  /// left of the others'.
  @inline(__always)
  func tiles(_ tileCount: Int, worker: Int, _ body: (Int) -> Void) {
    if stop != nil { return }
    let began = trace == nil ? 0 : RunControl.now()
    for step in 0..<count {
      let share = (worker + step) % count
      let end = (share + 1) * tileCount / count
      let start = share * tileCount / count
      while true {
        let tile = start + next.increment(share)
        if tile >= end { break }
        body(tile)
      }
    }
    if trace == nil { barrier() } else { tracedBarrier(worker, began) }
  }

  @inline(never)
  private func tracedBarrier(_ worker: Int, _ began: UInt64) {
    let worked = RunControl.now()
    barrier()
    trace?._withUnsafeGuaranteedRef {
      $0.record(worker: worker, began: began, worked: worked, ended: RunControl.now())
    }
  }

  /// Waits until every worker has come here.
  func barrier() {
    if count == 1 {
      lookAtControl()
      next.reset()
      return
    }
    let generation = gate.generation
    if arrived.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == count {
      arrived.store(0, ordering: .relaxed)
      lookAtControl()
      next.reset()
      gate.open()
    } else {
      gate.wait(past: generation)
    }
  }

  /// One worker decides for all, while the others wait: so all skip the same phases.
  private func lookAtControl() {
    guard let control, stop == nil else { return }
    stop = control._withUnsafeGuaranteedRef { $0.reason }
  }
}

/// Counters on cache lines of their own.
final class CounterArray: @unchecked Sendable {
  // Unchecked: the pointer never changes and its targets are atomics.
  private let counters: UnsafeMutablePointer<PaddedCounter>
  private let count: Int

  /// 128 bytes, so that neighbours never share a line, nor a pair of lines that is fetched together.
  struct PaddedCounter: ~Copyable {
    let value = Atomic<Int>(0)
    private let padding: (Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int) =
      (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  }

  init(count: Int) {
    self.count = count
    counters = .allocate(capacity: count)
    for i in 0..<count { (counters + i).initialize(to: PaddedCounter()) }
  }

  deinit {
    counters.deinitialize(count: count)
    counters.deallocate()
  }

  /// Adds one and returns the value before.
  func increment(_ index: Int) -> Int { counters[index].value.wrappingAdd(1, ordering: .relaxed).oldValue }

  func reset() { for i in 0..<count { counters[i].value.store(0, ordering: .relaxed) } }
}

/// A generation number that threads wait on: polling for a while, then asleep.
final class Gate: @unchecked Sendable {
  // Unchecked: the mutex and the condition are made for sharing; everything else is atomic.
  private let current = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let patience: Int

  /// - Parameter patience: how often to poll before sleeping.
  init(patience: Int) {
    self.patience = patience
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  var generation: Int { current.load(ordering: .acquiring) }

  /// Lets everyone pass who waits for the next generation.
  func open() {
    current.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
  }

  /// Returns once the generation is no longer `old`.
  func wait(past old: Int) {
    for _ in 0..<patience {
      if generation != old { return }
      evssm_spin_hint()
    }
    pthread_mutex_lock(mutex)
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    while current.load(ordering: .sequentiallyConsistent) == old { pthread_cond_wait(condition, mutex) }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }
}
