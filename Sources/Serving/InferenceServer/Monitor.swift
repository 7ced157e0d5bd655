import CLinux
import Glibc

/// State behind a lock that threads wait on. For dedicated threads only: waiting blocks the thread.
final class Monitor<State>: @unchecked Sendable {
  // Unchecked: `state` is touched only while the mutex is held.
  private var state: State
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(_ state: State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Reads or changes the state without waking anyone.
  func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Changes the state and wakes all who wait for it to change.
  func update<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return try body(&state)
  }

  /// Waits until `body` gives a value, asking again after every ``update(_:)`` and at least every `interval` seconds.
  func wait<Result>(interval: Int = 3600, _ body: (inout State) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&state) { return result }
      var until = timespec()
      clock_gettime(CLOCK_MONOTONIC, &until)
      until.tv_sec += interval
      pthread_cond_timedwait(condition, mutex, &until)
    }
  }
}

/// Runs `body` on a thread of its own that gives way to those which answer the network, as do the threads that it starts,
/// and waits for it.
///
/// Runs of plans leave no processor free. Where they would have their turn out first, a request that could be answered at
/// once waits for milliseconds; with a longer time slice than others', they are preempted by whoever has little to do, and
/// keep their share of the processor.
func onComputeThread(_ body: @escaping @Sendable () throws -> Void) throws {
  let outcome = Monitor<Result<Void, any Error>?>(nil)
  try startThread("evssm-start") {
    // Refused where the system knows no slices: then threads are as all others.
    _ = evssm_set_time_slice(20_000_000)
    let result = Result { try body() }
    outcome.update { $0 = result }
  }
  try outcome.wait { $0 }.get()
}

/// Starts a thread of its own, outside Swift's cooperative pool, with a name of at most 15 bytes for tools.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
  let context = Unmanaged.passRetained(
    ThreadBody {
      evssm_name_thread(name)
      body()
    })
  var handle = pthread_t()
  let status = pthread_create(
    &handle, nil,
    { context in
      if let context { Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run() }
      return nil
    }, context.toOpaque())
  guard status == 0 else {
    context.release()
    throw ServingError(.internal, "The system starts no further thread.")
  }
  pthread_detach(handle)
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
