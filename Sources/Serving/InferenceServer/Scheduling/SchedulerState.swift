import PlanRuntime

/// Everything of the scheduler that its lock guards.
struct SchedulerState {
  /// Waiting jobs in the order in which they will run.
  var queue: [Job] = []
  var running: [Job] = []
  var isWideRunning = false
  /// Requests that were accepted and are not finished, in whatever stage.
  var accepted = 0
  /// The most jobs that were there at once since a run last started.
  var peak = 0
  var sessions: SessionPool
  /// The backlog and when it was added up, for refusals, of which there may be thousands a second.
  private var recentBacklog = (seconds: 0.0, at: UInt64(0))
  var isClosed = false
  var isDraining = false
  /// Tasks that wait for the last accepted request to be finished.
  var drainWaiters: [CheckedContinuation<Void, Never>] = []

  init(sessions: SessionPool) { self.sessions = sessions }

  /// A job and what it runs on.
  struct Assignment {
    let job: Job
    let key: SessionKey
    let lease: SessionPool.Lease
    let byteCount: Int
    let isWide: Bool
  }

  mutating func enqueue(_ job: Job) {
    let index = queue.firstIndex { $0.priority > job.priority } ?? queue.endIndex
    queue.insert(job, at: index)
    peak = max(peak, queue.count + running.count)
  }

  /// The first job in line, if the threads and the memory that it needs are free.
  ///
  /// A large picture waits for all threads. Small ones run side by side, each on a thread, when there are several, or
  /// were a moment ago; a single one has all threads.
  mutating func next(_ configuration: SchedulerConfiguration) -> Assignment? {
    guard let job = queue.first, !isWideRunning else { return nil }
    let isWide: Bool
    if job.pixels > configuration.smallPixels || configuration.sessions == 1 {
      isWide = true
    } else {
      isWide = running.isEmpty && queue.count == 1 && peak < 2
    }
    guard isWide ? running.isEmpty : running.count < configuration.sessions else { return nil }
    let key = SessionKey(job.request, threads: isWide ? configuration.threads : 1)
    let bytes = isWide ? job.byteCounts.wide : job.byteCounts.narrow
    guard let lease = sessions.take(key, byteCount: bytes) else { return nil }
    queue.removeFirst()
    running.append(job)
    isWideRunning = isWide
    peak = queue.count + running.count
    return Assignment(job: job, key: key, lease: lease, byteCount: bytes, isWide: isWide)
  }

  mutating func finished(_ job: Job) {
    running.removeAll { $0 === job }
    if running.isEmpty { isWideRunning = false }
  }

  /// Removes a waiting job; false when it is not waiting.
  mutating func remove(_ job: Job) -> Bool {
    guard let index = queue.firstIndex(where: { $0 === job }) else { return false }
    queue.remove(at: index)
    return true
  }

  /// ``backlogSeconds()`` as it was at most a twentieth of a second ago.
  mutating func recentBacklogSeconds() -> Double {
    let now = RunControl.now()
    if now - recentBacklog.at > 50_000_000 { recentBacklog = (backlogSeconds(), now) }
    return recentBacklog.seconds
  }

  /// Seconds until all accepted work is done, as far as past runs tell.
  func backlogSeconds() -> Double {
    let waiting = queue.reduce(0) { $0 + ($1.request.model.estimate.nanoseconds(pixels: $1.pixels) ?? 0) }
    let begun = running.reduce(0) { $0 + ($1.request.model.estimate.nanoseconds(pixels: $1.pixels) ?? 0) }
    return (waiting + begun / 2) * 1e-9
  }
}
