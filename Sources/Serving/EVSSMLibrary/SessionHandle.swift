import CEVSSM
import ExecutionPlan
import PlanRuntime
import Synchronization
import Tensors

/// What an `evssm_session` points to: threads, and a session of the size that was bound last.
final class SessionHandle: @unchecked Sendable {
  // Unchecked: `session` is touched only by the call that has claimed the handle.
  private let plan: PlanHandle
  private let workers: Workers
  private let instructionSet: InstructionSet?
  private let maxMemory: UInt64
  private let isClaimed = Atomic<Bool>(false)
  private var session: PlanSession?

  init(_ plan: PlanHandle, _ options: evssm_session_options) throws {
    self.plan = plan
    instructionSet = try options.instructionSet()
    maxMemory = options.max_memory
    workers = try Workers(threads: options.threadCount())
  }

  /// Throws `library.argument` for NULL.
  static func at(_ pointer: OpaquePointer?) throws -> SessionHandle {
    guard let pointer else { throw EVSSMError.missing("session") }
    return Unmanaged<SessionHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  /// Runs `body` as the only call on this handle. Throws `library.busy` while there is another.
  func claimed(_ body: () throws -> Void) throws {
    guard !isClaimed.exchange(true, ordering: .acquiring) else {
      throw EVSSMError(
        "library.busy", "Another call uses this session. Create a session for each thread; they share the plan.",
        category: .unavailable)
    }
    defer { isClaimed.store(false, ordering: .releasing) }
    try body()
  }

  func bind(height: Int64, width: Int64) throws {
    if let session, session.height == height, session.width == width { return }
    let needed = try plan.memory(height: height, width: width, threads: workers.count)
    guard maxMemory == 0 || UInt64(needed) <= maxMemory else {
      throw EVSSMError(
        "library.max-memory",
        "Pictures of \(width)×\(height) need \(needed) bytes; max_memory allows \(maxMemory). Use a smaller picture.",
        limit: "max_memory")
    }
    session = nil
    session = try PlanSession(
      plan: plan.plan, height: PlanHandle.side(height), width: PlanHandle.side(width), workers: workers,
      instructionSet: instructionSet)
  }

  func run(
    input: UnsafeBufferPointer<Float>, output: UnsafeMutableBufferPointer<Float>, _ options: evssm_run_options
  ) throws {
    guard let session else {
      throw EVSSMError("library.not-bound", "Bind the session to a size of picture first.", category: .usage)
    }
    let isControlled = options.deadline != 0 || options.cancel != nil
    let control = isControlled ? RunControl(options) : nil
    try session.run(input: input, output: output, control: control)
  }
}

extension RunControl {
  fileprivate convenience init(_ options: evssm_run_options) {
    self.init(deadline: options.deadline == 0 ? nil : options.deadline, flag: options.cancel.map { UnsafePointer($0) })
  }
}

/// `evssm_session_create` of evssm.h.
@_cdecl("evssm_session_create")
public func evssmSessionCreate(
  _ plan: OpaquePointer?, _ options: UnsafePointer<evssm_session_options>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<evssm_error>?
) -> evssm_status {
  reporting(error) {
    guard let out else { throw EVSSMError.missing("session") }
    out.pointee = nil
    let handle = try SessionHandle(PlanHandle.at(plan), evssm_session_options.read(options))
    out.pointee = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
  }
}

/// `evssm_session_close` of evssm.h.
@_cdecl("evssm_session_close")
public func evssmSessionClose(_ session: OpaquePointer?) {
  guard let session else { return }
  Unmanaged<SessionHandle>.fromOpaque(UnsafeRawPointer(session)).release()
}

/// `evssm_session_bind` of evssm.h.
@_cdecl("evssm_session_bind")
public func evssmSessionBind(
  _ session: OpaquePointer?, _ height: Int64, _ width: Int64, _ error: UnsafeMutablePointer<evssm_error>?
) -> evssm_status {
  reporting(error) {
    let handle = try SessionHandle.at(session)
    try handle.claimed { try handle.bind(height: height, width: width) }
  }
}

/// `evssm_session_run` of evssm.h.
@_cdecl("evssm_session_run")
public func evssmSessionRun(
  _ session: OpaquePointer?, _ input: UnsafePointer<Float>?, _ inputCount: Int, _ output: UnsafeMutablePointer<Float>?,
  _ outputCount: Int, _ options: UnsafePointer<evssm_run_options>?, _ error: UnsafeMutablePointer<evssm_error>?
) -> evssm_status {
  reporting(error) {
    let handle = try SessionHandle.at(session)
    guard let input else { throw EVSSMError.missing("input") }
    guard let output else { throw EVSSMError.missing("output") }
    guard inputCount >= 0, outputCount >= 0 else {
      throw EVSSMError("library.count", "A count of values does not fit in memory.", category: .usage)
    }
    let options = try evssm_run_options.read(options)
    try handle.claimed {
      try handle.run(
        input: UnsafeBufferPointer(start: input, count: inputCount),
        output: UnsafeMutableBufferPointer(start: output, count: outputCount), options)
    }
  }
}
