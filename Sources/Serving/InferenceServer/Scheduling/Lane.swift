import PlanRuntime
import Tensors

/// One thread that takes jobs from the queue and runs them.
final class Lane: Sendable {
  private let configuration: SchedulerConfiguration
  private let monitor: Monitor<SchedulerState>
  /// All threads together, for whoever runs a large picture.
  private let workers: Workers

  init(configuration: SchedulerConfiguration, monitor: Monitor<SchedulerState>, workers: Workers) {
    self.configuration = configuration
    self.monitor = monitor
    self.workers = workers
  }

  func loop() {
    while let assignment = next() { run(assignment) }
  }

  /// Waits for work; nil when the scheduler is gone.
  private func next() -> SchedulerState.Assignment? {
    monitor.wait(interval: 10) { [configuration] state -> SchedulerState.Assignment?? in
      if state.isClosed { return .some(nil) }
      if let assignment = state.next(configuration) { return .some(assignment) }
      state.sessions.endIdle(longerThan: Scheduler.idleTime)
      return nil
    }
  }

  private func run(_ assignment: SchedulerState.Assignment) {
    let job = assignment.job
    let start = RunControl.now()
    var session: PlanSession?
    let result = Result<RunResult, any Error> {
      try job.control.check()
      let ready = try self.session(assignment)
      session = ready
      let planes = try ready.run(job.request.planes, control: job.control)
      return RunResult(planes: planes, queueTime: start - job.submitted, inferTime: RunControl.now() - start)
    }
    if case .success(let result) = result { record(result, assignment) }
    let continuation = monitor.update { state -> CheckedContinuation<RunResult, any Error>? in
      state.finished(job)
      if let session {
        state.sessions.put(session, assignment.key, byteCount: assignment.byteCount)
      } else {
        state.sessions.giveBack(assignment.byteCount)
      }
      defer { job.continuation = nil }
      return job.continuation
    }
    continuation?.resume(with: result.mapError { ServingError($0) })
  }

  /// The leased session, or a new one.
  private func session(_ assignment: SchedulerState.Assignment) throws -> PlanSession {
    if case .session(let session) = assignment.lease { return session }
    let request = assignment.job.request
    return try PlanSession(
      plan: request.model.plan, height: request.height, width: request.width,
      workers: assignment.isWide ? workers : Workers(threads: 1))
  }

  private func record(_ result: RunResult, _ assignment: SchedulerState.Assignment) {
    let share = assignment.isWide ? 1 : 1 / Double(configuration.sessions)
    assignment.job.request.model.estimate.record(
      pixels: assignment.job.pixels, machineTime: Double(result.inferTime) * share)
  }
}
