import ExecutionPlan
import PlanRuntime
import Tensors

/// Which sessions can stand in for each other.
struct SessionKey: Hashable {
  let model: ObjectIdentifier
  let height: Int
  let width: Int
  let threads: Int

  init(_ request: RunRequest, threads: Int) {
    model = ObjectIdentifier(request.model)
    height = request.height
    width = request.width
    self.threads = threads
  }
}

/// Bytes of a session for one picture size, alone on a thread and on all.
struct SessionBytes: Sendable, Hashable {
  let narrow: Int
  let wide: Int

  /// Throws what binding the plan to this size throws.
  init(_ model: ServedModel, height: Int, width: Int, threads: Int) throws {
    let bound = try model.plan.binding(height: height, width: width)
    narrow = try PlanSession.memoryByteCount(bound, threads: 1)
    wide = try PlanSession.memoryByteCount(bound, threads: threads)
  }
}

/// Sessions that wait for pictures of their size, and the memory that all sessions have together.
struct SessionPool {
  private struct Idle {
    let key: SessionKey
    let session: PlanSession
    let byteCount: Int
    let since: UInt64
  }

  let maxMemory: Int
  /// Bytes of idle and running sessions.
  private(set) var byteCount = 0
  /// The longest idle first.
  private var idle: [Idle] = []

  init(maxMemory: Int) { self.maxMemory = maxMemory }

  /// What a run may use.
  enum Lease {
    case session(PlanSession)
    /// Memory that is set aside for a session that the caller makes.
    case memory
  }

  /// An idle session, or memory for a new one, for which the longest idle ones go; nil when running ones hold too much.
  mutating func take(_ key: SessionKey, byteCount bytes: Int) -> Lease? {
    if let index = idle.lastIndex(where: { $0.key == key }) { return .session(idle.remove(at: index).session) }
    let held = idle.reduce(0) { $0 + $1.byteCount }
    guard byteCount - held + bytes <= maxMemory else { return nil }
    while byteCount + bytes > maxMemory { byteCount -= idle.removeFirst().byteCount }
    byteCount += bytes
    return .memory
  }

  /// Takes a session back.
  mutating func put(_ session: PlanSession, _ key: SessionKey, byteCount: Int) {
    idle.append(Idle(key: key, session: session, byteCount: byteCount, since: RunControl.now()))
  }

  /// Takes back the memory of a session that could not be made, or is not kept.
  mutating func giveBack(_ bytes: Int) { byteCount -= bytes }

  /// Ends idle sessions that match.
  private mutating func end(where matches: (Idle) -> Bool) {
    byteCount -= idle.reduce(0) { $0 + (matches($1) ? $1.byteCount : 0) }
    idle.removeAll(where: matches)
  }

  /// Ends idle sessions of a model that is no longer served.
  mutating func end(model: ServedModel) { end { $0.key.model == ObjectIdentifier(model) } }

  /// Ends sessions that were not used for `nanoseconds`.
  mutating func endIdle(longerThan nanoseconds: UInt64) {
    let now = RunControl.now()
    end { now - $0.since > nanoseconds }
  }

  var idleCount: Int { idle.count }
}
