import PlanRuntime
import Tensors

/// Runs pictures on a fixed set of threads of its own: a bounded queue, sessions that share the weights, one bound on
/// the memory of all.
package final class Scheduler: Sendable {
  /// Sessions that are not used for so long give their memory back, in nanoseconds.
  static let idleTime: UInt64 = 60_000_000_000

  package let configuration: SchedulerConfiguration
  private let monitor: Monitor<SchedulerState>

  /// Throws when the threads cannot be started.
  package init(_ configuration: SchedulerConfiguration) throws {
    self.configuration = configuration
    monitor = Monitor(SchedulerState(sessions: SessionPool(maxMemory: configuration.maxMemory)))
    try onComputeThread { [configuration, monitor] in
      let workers = try Workers(threads: configuration.threads)
      for index in 0..<configuration.sessions {
        let lane = Lane(configuration: configuration, monitor: monitor, workers: workers)
        try startThread("evssm-lane-\(index)") { lane.loop() }
      }
    }
  }

  deinit { monitor.update { $0.isClosed = true } }

  // MARK: Accepting

  /// Accepts a request, or says at once why not; the place in the queue is held as long as the result lives.
  ///
  /// Throws `overloaded` with the seconds after which to try again, `deadline` when it would have passed before the
  /// request's turn, and `unavailable` while the server shuts down.
  package func admit(deadline: UInt64? = nil) throws -> Admission {
    try monitor.withLock { state in
      try check(&state, deadline)
      state.accepted += 1
    }
    return Admission(self)
  }

  /// Throws what ``admit(deadline:)`` would throw now: for an answer before a request's body is read.
  package func checkAdmission(deadline: UInt64? = nil) throws {
    try monitor.withLock { try check(&$0, deadline) }
  }

  /// Whether ``checkAdmission(deadline:)`` would throw for any request.
  package var isRefusing: Bool { monitor.withLock { $0.isDraining || $0.accepted >= configuration.queue } }

  private func check(_ state: inout SchedulerState, _ deadline: UInt64?) throws {
    if state.isDraining { throw ServingError(.unavailable, "The server is shutting down.", retryAfter: 1) }
    if state.accepted >= configuration.queue {
      let seconds = max(1, Int(state.recentBacklogSeconds().rounded(.up)))
      throw ServingError(
        .overloaded, "The queue is full: \(configuration.queue) requests are accepted at a time.", retryAfter: seconds)
    }
    try checkDeadline(state, deadline)
  }

  private func checkDeadline(_ state: SchedulerState, _ deadline: UInt64?) throws {
    guard let deadline, Double(RunControl.now()) + state.backlogSeconds() * 1e9 > Double(deadline) else { return }
    throw ServingError(.deadline, "The deadline would pass before the request's turn.")
  }

  /// Throws `deadline` when it would pass before a request's turn that comes now.
  package func checkDeadline(_ deadline: UInt64?) throws { try monitor.withLock { try checkDeadline($0, deadline) } }

  fileprivate func finish() {
    let waiters = monitor.withLock { state -> [CheckedContinuation<Void, Never>] in
      state.accepted -= 1
      guard state.accepted == 0, state.isDraining else { return [] }
      defer { state.drainWaiters = [] }
      return state.drainWaiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Bytes that a picture needs, checked against the memory there is.
  ///
  /// Throws `tooLarge` with both figures when it can never fit, and what binding the plan to the size throws.
  func byteCounts(_ model: ServedModel, height: Int, width: Int) throws -> SessionBytes {
    let bytes = try model.sessionBytes(height: height, width: width, threads: configuration.threads)
    guard bytes.wide <= configuration.maxMemory else {
      throw ServingError(
        .tooLarge,
        "A picture of \(width)x\(height) needs \((bytes.wide + (1 << 20) - 1) >> 20) MiB of memory; the server gives "
          + "\(configuration.maxMemory >> 20) MiB. Send a smaller picture, or parts of this one. [limit max_memory]")
    }
    return bytes
  }

  /// Throws if this picture can never be run here.
  package func checkSize(_ model: ServedModel, height: Int, width: Int) throws {
    _ = try byteCounts(model, height: height, width: width)
  }

  // MARK: Running

  /// Restores a picture of an admitted request. Cancelling the task takes it out of the queue, or stops the run before
  /// its next phase.
  package func run(
    _ request: RunRequest, _ urgency: Urgency = Urgency(), admission: borrowing Admission
  ) async throws -> RunResult {
    let bytes = try byteCounts(request.model, height: request.height, width: request.width)
    let job = Job(request, urgency, byteCounts: bytes)
    let timer = urgency.deadline.map { deadline in
      Task { [weak self] in
        let now = RunControl.now()
        if deadline > now { try await Task.sleep(nanoseconds: deadline - now) }
        self?.drop(job, ServingError(.deadline, "The deadline passed while the request waited."))
      }
    }
    defer { timer?.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { submit(job, $0) }
    } onCancel: {
      job.control.cancel()
      drop(job, ServingError(.cancelled, "The request was cancelled."))
    }
  }

  private func submit(_ job: Job, _ continuation: CheckedContinuation<RunResult, any Error>) {
    let isSubmitted = monitor.update { state -> Bool in
      guard !job.control.isCancelled, !state.isClosed else { return false }
      job.continuation = continuation
      state.enqueue(job)
      return true
    }
    if !isSubmitted { continuation.resume(throwing: ServingError(.cancelled, "The request was cancelled.")) }
  }

  /// Answers a job that is still waiting with an error.
  private func drop(_ job: Job, _ error: ServingError) {
    let continuation = monitor.update { state -> CheckedContinuation<RunResult, any Error>? in
      guard state.remove(job) else { return nil }
      defer { job.continuation = nil }
      return job.continuation
    }
    continuation?.resume(throwing: error)
  }

  // MARK: Ending, and figures

  /// Ends idle sessions of a model that is no longer served.
  package func endSessions(of model: ServedModel) { monitor.update { $0.sessions.end(model: model) } }

  /// Refuses new requests from now on.
  package func beginDrain() { monitor.withLock { $0.isDraining = true } }

  package var isDraining: Bool { monitor.withLock { $0.isDraining } }

  /// Returns when the last accepted request is finished; call ``beginDrain()`` before.
  package func drained() async {
    await withCheckedContinuation { continuation in
      let isDone = monitor.withLock { state -> Bool in
        if state.accepted > 0 { state.drainWaiters.append(continuation) }
        return state.accepted == 0
      }
      if isDone { continuation.resume() }
    }
  }

  package struct Figures: Sendable, Hashable {
    /// Requests accepted and not finished, those that wait for a thread, and those that run.
    package var accepted: Int
    package var waiting: Int
    package var running: Int
    /// Bytes of all sessions.
    package var sessionBytes: Int
    package var idleSessions: Int
  }

  package var figures: Figures {
    monitor.withLock {
      Figures(
        accepted: $0.accepted, waiting: $0.queue.count, running: $0.running.count, sessionBytes: $0.sessions.byteCount,
        idleSessions: $0.sessions.idleCount)
    }
  }
}

/// A place in the queue, given back when it goes.
package struct Admission: ~Copyable, Sendable {
  private let scheduler: Scheduler

  fileprivate init(_ scheduler: Scheduler) { self.scheduler = scheduler }

  deinit { scheduler.finish() }
}
