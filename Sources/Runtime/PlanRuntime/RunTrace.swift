import Glibc

/// When each worker did what during one run: a list of phases a worker, written into memory that was set aside before.
///
/// A phase is a set of tiles that the workers share out; after one a worker may have to wait for the others. Recording
/// takes two readings of the clock a phase, one more a wait, and allocates nothing; phases beyond the capacity are
/// counted but not kept. Not reentrant: one run at a time.
package final class RunTrace: @unchecked Sendable {
  // Unchecked: each worker writes its own list, and the caller reads them after the run.
  package struct Phase: Sendable {
    /// Index of the plan's step.
    package var step: Int
    /// Nanoseconds of the monotonic clock: when the worker began, had no more to do, and had waited for the others.
    /// The last two are equal where it did not wait. Waits within a phase of chains, of some microseconds at most, count
    /// as work.
    package var began: UInt64
    package var worked: UInt64
    package var ended: UInt64
  }

  private struct List {
    var step = 0
    var count = 0
    var phases: UnsafeMutablePointer<Phase>
    /// Lists lie in cache lines of their own.
    private var padding = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    init(capacity: Int) {
      phases = .allocate(capacity: capacity)
      phases.initialize(repeating: Phase(step: 0, began: 0, worked: 0, ended: 0), count: capacity)
    }
  }

  private let lists: UnsafeMutablePointer<List>
  package let workerCount: Int
  package let capacity: Int

  /// - Parameters:
  ///   - workers: of the session that will be traced.
  ///   - capacity: phases of each worker that are kept, 32 bytes each.
  package init(workers: Workers, capacity: Int = 1 << 17) {
    workerCount = workers.count
    self.capacity = capacity
    lists = .allocate(capacity: workers.count)
    for worker in 0..<workers.count { (lists + worker).initialize(to: List(capacity: capacity)) }
  }

  deinit {
    for worker in 0..<workerCount { lists[worker].phases.deallocate() }
    lists.deallocate()
  }

  /// A worker's phases in order of time.
  package func phases(of worker: Int) -> [Phase] {
    Array(UnsafeBufferPointer(start: lists[worker].phases, count: min(lists[worker].count, capacity)))
  }

  /// Phases that found no room.
  package var droppedCount: Int { (0..<workerCount).reduce(0) { $0 + max(0, lists[$1].count - capacity) } }

  func begin() { for worker in 0..<workerCount { lists[worker].count = 0 } }

  func enter(step: Int, worker: Int) { lists[worker].step = step }

  func record(worker: Int, began: UInt64, worked: UInt64) {
    let index = lists[worker].count
    lists[worker].count = index + 1
    guard index < capacity else { return }
    lists[worker].phases[index] = Phase(step: lists[worker].step, began: began, worked: worked, ended: worked)
  }

  /// Lengthens the worker's last phase by what it has waited since.
  func recordWait(worker: Int, ended: UInt64) {
    let index = lists[worker].count - 1
    guard index >= 0, index < capacity else { return }
    lists[worker].phases[index].ended = ended
  }
}
