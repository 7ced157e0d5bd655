import Glibc
import Synchronization
import Tensors

/// Stops a run that nobody waits for any more: by ``cancel()`` from any thread, or when its deadline has passed.
///
/// A run looks at it whenever a phase begins, which is several times a step; what is left of the run is skipped. Looking
/// costs one load, with a deadline one reading of the clock more; nothing is allocated.
package final class RunControl: Sendable {
  private let cancelled = Atomic<Bool>(false)
  /// In nanoseconds of ``now()``; nil for none.
  package let deadline: UInt64?

  /// Another program's flag, which stops the run once it is not zero.
  private let flag: Flag?

  private struct Flag: @unchecked Sendable {
    // Unchecked: read as an atomic, which has the layout of its value.
    let pointer: UnsafePointer<Atomic<Int32>>
    var isSet: Bool { pointer.pointee.load(ordering: .relaxed) != 0 }
  }

  /// - Parameters:
  ///   - deadline: in nanoseconds of ``now()``; nil for none.
  ///   - flag: stops the run once it is not zero; must stay valid as long as the control does.
  package init(deadline: UInt64? = nil, flag: UnsafePointer<Int32>? = nil) {
    self.deadline = deadline
    self.flag = flag.map { Flag(pointer: UnsafePointer<Atomic<Int32>>(OpaquePointer($0))) }
  }

  /// Asks the run to stop. May be called at any time, from any thread, more than once.
  package func cancel() { cancelled.store(true, ordering: .relaxed) }

  package var isCancelled: Bool { cancelled.load(ordering: .relaxed) || flag?.isSet == true }

  /// Nanoseconds of the monotonic clock, which no change of the time of day moves.
  package static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Why the run should stop now; nil if it should not.
  var reason: StopReason? {
    if isCancelled { return .cancelled }
    if let deadline, Self.now() >= deadline { return .deadline }
    return nil
  }

  /// Throws `runtime.cancelled` or `runtime.deadline` if a run should not go on.
  package func check() throws { if let reason { throw reason.error } }
}

/// Why a run ended before its last step.
enum StopReason: Sendable {
  case cancelled, deadline

  var error: EVSSMError {
    switch self {
    case .cancelled: EVSSMError("runtime.cancelled", "The run was cancelled.", category: .unavailable)
    case .deadline:
      EVSSMError("runtime.deadline", "The run's deadline passed before it was done.", category: .unavailable)
    }
  }
}
