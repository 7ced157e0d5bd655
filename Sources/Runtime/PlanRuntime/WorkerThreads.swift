import CKernels
import Synchronization

/// The threads of a team, so that one that must wait can let another have its processor.
///
/// With another program on one of the processors, the thread that shares it is off it for some milliseconds at a time, always
/// in the middle of a tile, and the others soon need that tile. If they only went to sleep, the system would leave the thread where it is: by
/// its rules a processor that idles for so short a time takes over no other's work. So one that waits changes places with it.
final class WorkerThreads: Sendable {
  private let workers: Int
  /// By worker; 0 for one that has nothing to do, or waits itself.
  private let threads: CounterArray
  /// The processor that each was on last.
  private let processors: CounterArray

  /// In nanoseconds: a thread that has not run for so long, and does not wait, is off its processor.
  private static let pause: UInt64 = 20_000

  init(workers: Int) {
    self.workers = workers
    threads = CounterArray(count: workers)
    processors = CounterArray(count: workers)
  }

  /// Calls `body` on a worker's thread, which may be asked to change places meanwhile.
  func run(_ worker: Int, _ body: () -> Void) {
    isAtWork(worker)
    body()
    threads[worker].store(0, ordering: .relaxed)
  }

  /// Called by a worker at each phase, and when it has waited.
  @inline(__always)
  func isAtWork(_ worker: Int) {
    let thread = Int(truncatingIfNeeded: evssm_this_thread())
    if threads[worker].load(ordering: .relaxed) != thread { threads[worker].store(thread, ordering: .relaxed) }
    let processor = Int(evssm_this_processor())
    if processors[worker].load(ordering: .relaxed) != processor {
      processors[worker].store(processor, ordering: .relaxed)
    }
  }

  /// Called by a worker that is about to sleep until `isOver`: changes places with one that is off its processor, if there is any.
  /// Costs some microseconds for each other worker.
  func giveWay(_ worker: Int, until isOver: () -> Bool) {
    threads[worker].store(0, ordering: .relaxed)
    let own = Int(evssm_this_processor())
    for step in 1..<max(workers, 1) {
      let other = (worker + step) % workers
      let thread = threads[other].load(ordering: .relaxed)
      let processor = processors[other].load(ordering: .relaxed)
      if thread == 0 || processor < 0 { continue }
      let time = evssm_thread_time(UInt64(truncatingIfNeeded: thread))
      let end = RunControl.now() + Self.pause
      while RunControl.now() < end {
        if isOver() { return }
        evssm_spin_hint()
      }
      guard evssm_thread_time(UInt64(truncatingIfNeeded: thread)) == time else { continue }
      processors[other].store(own, ordering: .relaxed)
      return evssm_exchange_processors(UInt64(truncatingIfNeeded: thread), Int32(truncatingIfNeeded: processor))
    }
  }
}
