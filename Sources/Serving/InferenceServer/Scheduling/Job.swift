import PlanRuntime

/// A request between its submission and its answer.
final class Job: @unchecked Sendable {
  // Unchecked: `continuation` is touched under the scheduler's lock; the rest never changes.
  let request: RunRequest
  let priority: UInt64
  let control: RunControl
  let submitted = RunControl.now()
  let byteCounts: SessionBytes
  var continuation: CheckedContinuation<RunResult, any Error>?

  init(_ request: RunRequest, _ urgency: Urgency, byteCounts: SessionBytes) {
    self.request = request
    priority = urgency.priority == 0 ? Urgency.standardPriority : urgency.priority
    control = RunControl(deadline: urgency.deadline)
    self.byteCounts = byteCounts
  }

  var pixels: Int { request.height * request.width }

  var isExpired: Bool { control.deadline.map { RunControl.now() >= $0 } ?? false }
}
