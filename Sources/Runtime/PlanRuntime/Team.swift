import CKernels
import Glibc
import Synchronization

/// The threads that run one step together: they share out the tiles of one phase of work after the other.
///
/// Every thread calls the same sequence of ``tiles(_:worker:_:)``, ``phase(_:worker:overlapping:_:)`` and the phases of shares and of
/// chains in `Team+Chains.swift`; which thread does
/// which tile is left to chance, so a tile's result must not depend on it. A phase starts when the ones before it are
/// complete, whether or not every thread has come to it: a thread that the system has taken off its processor holds up the
/// others only by the tile it is at, and only when they run out of work that does not need that tile.
final class Team: @unchecked Sendable {
  // Unchecked: `control` and `trace` change only between runs; everything else is constant or atomic.
  let count: Int
  let slots: PhaseSlots
  let positions: WorkerPositions
  /// The links done of each chain of the phase that has chains.
  let links: ChainLinks
  let threads: WorkerThreads
  /// Woken whenever a phase is complete.
  let progress: Gate
  private let arrived = Atomic<Int>(0)
  private let gate: Gate
  /// Borrowed from the caller of the run, so that looking at it counts no references.
  @exclusivity(unchecked) private var control: Unmanaged<RunControl>?
  /// Borrowed likewise; nil unless the run is traced.
  @exclusivity(unchecked) private(set) var trace: Unmanaged<RunTrace>?
  /// 0 while the run goes on, 1 when it was cancelled, 2 when its deadline has passed.
  private let stopped = Atomic<Int>(0)

  /// A thread that waits polls for about as long as going to sleep and waking up take, then leaves its processor to others.
  static let patience = 2000

  init(count: Int) {
    self.count = count
    slots = PhaseSlots(workers: count)
    positions = WorkerPositions(workers: count)
    links = ChainLinks()
    threads = WorkerThreads(workers: count)
    let patience = count <= Int(evssm_processor_count()) ? Self.patience : 50
    gate = Gate(patience: patience)
    progress = Gate(patience: patience)
  }

  var isStopped: Bool { stopped.load(ordering: .relaxed) != 0 }

  /// Why the rest of the run is skipped; nil while it goes on.
  var stop: StopReason? {
    switch stopped.load(ordering: .relaxed) {
    case 0: nil
    case 1: .cancelled
    default: .deadline
    }
  }

  /// Calls `body` for every tile in `0..<tileCount`, each on one thread, and returns when all are done.
  ///
  /// - Parameter tileCount: at most 2^28.
  @inline(__always)
  func tiles(_ tileCount: Int, worker: Int, _ body: (Int) -> Void) {
    phase(tileCount, worker: worker, body)
    finish(worker: worker)
  }

  /// Like ``tiles(_:worker:_:)``, but returns when there is no tile left to take; others may still be busy with theirs.
  /// Once the run is stopped, tiles count as done and are skipped.
  ///
  /// A worker starts with its own share, so that consecutive phases find their data in its cache, then takes what is
  /// left of the others'.
  /// - Parameters:
  ///   - tileCount: at most 2^28.
  ///   - overlapping: how many of the phases just before need not be complete when this one starts, 0 to
  ///     ``PhaseSlots/mostOverlap``.
  @inline(__always)
  func phase(_ tileCount: Int, worker: Int, overlapping: Int = 0, _ body: (Int) -> Void) {
    let phase = enter(tileCount, worker: worker, overlapping: overlapping)
    let began = trace == nil ? 0 : RunControl.now()
    for step in 0..<count {
      // Tiles are counted a share at a time, and nobody looks at the others' shares in vain: each time, a line comes from
      // another core.
      let done = takeShare((worker + step) % count, of: phase, tileCount, body)
      if finish(phase, tiles: done, of: tileCount) { break }
    }
    if trace != nil { record(worker, began) }
  }

  /// Tiles of a phase that are a worker's share.
  func share(_ worker: Int, of tileCount: Int) -> Range<Int> {
    worker * tileCount / count..<(worker + 1) * tileCount / count
  }

  /// Does what nobody has taken of a share, and returns how many tiles that was.
  @inline(__always)
  func takeShare(_ worker: Int, of phase: Int, _ tileCount: Int, _ body: (Int) -> Void) -> Int {
    let share = share(worker, of: tileCount)
    var done = 0
    while let taken = slots.take(phase, share: worker, below: share.count) {
      if !isStopped { body(share.lowerBound + taken) }
      done += 1
    }
    return done
  }

  /// Counts tiles as done; whether the phase is complete by that.
  @discardableResult
  func finish(_ phase: Int, tiles: Int, of tileCount: Int) -> Bool {
    guard tiles > 0, slots.finish(phase, tiles: tiles) == tileCount else { return false }
    progress.wake()
    return true
  }

  /// Notes the work of a phase, which has just ended.
  @inline(never)
  func record(_ worker: Int, _ began: UInt64) {
    trace?._withUnsafeGuaranteedRef { $0.record(worker: worker, began: began, worked: RunControl.now()) }
  }

  /// Notes that the worker has just waited for others, after the last phase that was recorded.
  @inline(never)
  func recordWait(_ worker: Int) {
    trace?._withUnsafeGuaranteedRef { $0.recordWait(worker: worker, ended: RunControl.now()) }
  }

  /// Returns when all phases so far are complete.
  func finish(worker: Int) { settle(through: positions.phase(worker), worker: worker) }

  func enter(_ tileCount: Int, worker: Int, overlapping: Int) -> Int {
    let phase = positions.begin(tileCount, worker: worker)
    threads.isAtWork(worker)
    settle(through: phase - 1 - overlapping, worker: worker)
    lookAtControl()
    return phase
  }

  /// Waits until all phases up to `last` are complete.
  private func settle(through last: Int, worker: Int) {
    while positions.settled(worker) < last {
      let phase = positions.settled(worker) + 1
      let tiles = positions.tiles(of: phase, worker: worker)
      if tiles > 0, !slots.isComplete(phase, tiles: tiles) {
        progress.wait(beforeSleep: { threads.giveWay(worker) { slots.isComplete(phase, tiles: tiles) } }) {
          slots.isComplete(phase, tiles: tiles)
        }
        threads.isAtWork(worker)
        if trace != nil { recordWait(worker) }
      }
      positions.settle(phase, worker: worker)
    }
  }

  /// Waits until every worker has come here.
  func barrier() {
    lookAtControl()
    if count == 1 { return }
    let generation = gate.generation
    if arrived.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == count {
      arrived.store(0, ordering: .relaxed)
      gate.open()
    } else {
      gate.wait { gate.generation != generation }
    }
  }

  /// Starts the count of phases anew, and sets what may stop the run that is about to start and what notes its phases; no
  /// worker may be inside a phase. Both must outlive the run.
  func reset(_ control: RunControl?, _ trace: RunTrace?) {
    self.control = control.map(Unmanaged.passUnretained)
    self.trace = trace.map(Unmanaged.passUnretained)
    stopped.store(0, ordering: .relaxed)
    slots.reset()
    links.reset()
    positions.reset()
  }

  private func lookAtControl() {
    guard let control, !isStopped else { return }
    guard let reason = control._withUnsafeGuaranteedRef({ $0.reason }) else { return }
    stopped.store(reason == .cancelled ? 1 : 2, ordering: .relaxed)
  }
}

/// The tiles taken and done of the last few phases. A phase's numbers lie in the slot that its own number leaves modulo
/// the slots, each beside the phase it belongs to, so that a thread that comes late to a phase sees that it is over. A worker
/// that takes its own share alone touches no line of another.
final class PhaseSlots: @unchecked Sendable {
  // Unchecked: the pointers never change and their targets are atomics.
  static let count = 8
  static let mostOverlap = 4
  private static let indexBits = 28
  private static let indexMask = (1 << indexBits) - 1

  private let shares: CounterArray
  private let done: CounterArray
  private let workers: Int

  init(workers: Int) {
    self.workers = workers
    shares = CounterArray(count: Self.count * workers)
    done = CounterArray(count: Self.count)
    reset()
  }

  private func slot(_ phase: Int) -> Int { phase % Self.count }

  /// The next tile of a worker's share, or nil when all are taken. The first tile makes the slot the phase's: the phase
  /// that had it before is complete.
  @inline(__always)
  func take(_ phase: Int, share: Int, below end: Int) -> Int? {
    let index = slot(phase) * workers + share
    var value = shares[index].load(ordering: .acquiring)
    while let next = Self.count(value, of: phase), next < end {
      let (exchanged, original) = shares[index].weakCompareExchange(
        expected: value, desired: phase << Self.indexBits + next + 1, ordering: .acquiringAndReleasing)
      if exchanged { return next }
      value = original
    }
    return nil
  }

  /// Counts tiles as done and returns how many are.
  @inline(__always)
  func finish(_ phase: Int, tiles: Int) -> Int {
    let counter = slot(phase)
    var value = done[counter].load(ordering: .relaxed)
    while let count = Self.count(value, of: phase) {
      let (exchanged, original) = done[counter].weakCompareExchange(
        expected: value, desired: phase << Self.indexBits + count + tiles, ordering: .sequentiallyConsistent)
      if exchanged { return count + tiles }
      value = original
    }
    return 0
  }

  /// What a counter's value says of a phase: 0 while the counter is an earlier one's, nil when it is a later one's.
  @inline(__always)
  private static func count(_ value: Int, of phase: Int) -> Int? {
    let current = value >> indexBits
    return current == phase ? value & indexMask : current < phase ? 0 : nil
  }

  func isComplete(_ phase: Int, tiles: Int) -> Bool {
    let value = done[slot(phase)].load(ordering: .sequentiallyConsistent)
    let current = value >> Self.indexBits
    return current > phase || current == phase && value & Self.indexMask == tiles
  }

  func reset() {
    for index in 0..<Self.count { done[index].store(0, ordering: .relaxed) }
    for index in 0..<Self.count * workers { shares[index].store(0, ordering: .relaxed) }
  }
}

/// Where each worker is in the sequence of phases. A worker touches its own entry alone.
final class WorkerPositions: @unchecked Sendable {
  // Unchecked: entries belong to one worker each; reset() is called between runs.
  private struct Position {
    var phase = 0
    /// The last phase that is known to be complete, with all before it.
    var settled = 0
    /// Tiles of the last ``PhaseSlots/count`` phases.
    var tiles: InlineArray<8, Int> = .init(repeating: 0)
    /// How often to look whether the others do what is theirs before doing it for them.
    var polls = Team.mostPolls
    /// Keeps neighbours off this entry's lines.
    var padding: InlineArray<16, Int> = .init(repeating: 0)
  }

  private let entries: UnsafeMutablePointer<Position>
  private let workers: Int

  init(workers: Int) {
    self.workers = workers
    entries = .allocate(capacity: workers)
    entries.initialize(repeating: Position(), count: workers)
  }

  deinit { entries.deallocate() }

  func phase(_ worker: Int) -> Int { entries[worker].phase }
  func settled(_ worker: Int) -> Int { entries[worker].settled }
  func settle(_ phase: Int, worker: Int) { entries[worker].settled = phase }

  /// The number of the worker's next phase, from 1.
  func begin(_ tiles: Int, worker: Int) -> Int {
    entries[worker].phase += 1
    let phase = entries[worker].phase
    entries[worker].tiles[phase % PhaseSlots.count] = tiles
    return phase
  }

  func polls(_ worker: Int) -> Int { entries[worker].polls }
  func setPolls(_ polls: Int, worker: Int) { entries[worker].polls = polls }

  func tiles(of phase: Int, worker: Int) -> Int { entries[worker].tiles[phase % PhaseSlots.count] }

  func reset() { entries.update(repeating: Position(), count: workers) }
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

  subscript(index: Int) -> Atomic<Int> {
    _read { yield counters[index].value }
  }
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

  var generation: Int { current.load(ordering: .sequentiallyConsistent) }

  /// Lets everyone pass who waits for the next generation.
  func open() {
    current.wrappingAdd(1, ordering: .sequentiallyConsistent)
    wake()
  }

  /// Lets those who sleep look again whether their wait is over.
  func wake() {
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
  }

  /// Returns once the generation is no longer `old`.
  func wait(past old: Int) { wait { generation != old } }

  /// Returns once `isOver`, which whoever makes it true follows by ``open()`` or ``wake()``. It is called with the mutex held.
  /// - Parameter beforeSleep: called when polling has not been enough.
  @inline(__always)
  func wait(beforeSleep: () -> Void = {}, _ isOver: () -> Bool) {
    for _ in 0..<patience {
      if isOver() { return }
      evssm_spin_hint()
    }
    beforeSleep()
    pthread_mutex_lock(mutex)
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    while !isOver() { pthread_cond_wait(condition, mutex) }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }
}
