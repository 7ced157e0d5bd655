import CEVSSM
@testable import EVSSMLibrary
import ExecutionPlan
import PlanRuntime
import ServingTestSupport
import TestSupport
import Tensors
import Testing

/// Calls through the declarations of evssm.h, as a C program does.
@Suite("The C library")
struct CLibraryTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("a.plan")
    try PlanFile.write(ServedPlan.plan, to: path)
  }

  private func opened() throws -> OpaquePointer {
    var plan: OpaquePointer?
    var error = evssm_error()
    #expect(evssm_plan_open(path, nil, &plan, &error) == EVSSM_OK)
    #expect(error.status == EVSSM_OK && error.code.0 == 0)
    return try #require(plan)
  }

  private func session(_ plan: OpaquePointer, _ options: evssm_session_options? = nil) throws -> OpaquePointer {
    var options = options ?? evssm_session_options()
    options.struct_size = MemoryLayout<evssm_session_options>.size
    var session: OpaquePointer?
    #expect(evssm_session_create(plan, &options, &session, nil) == EVSSM_OK)
    return try #require(session)
  }

  private func run(
    _ session: OpaquePointer, _ input: [Float], count: Int? = nil, deadline: UInt64 = 0, cancel: Int32 = 0
  ) -> (evssm_status, [Float]) {
    var output = [Float](repeating: 0, count: input.count)
    let flag = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    flag.initialize(to: cancel)
    defer { flag.deallocate() }
    var options = evssm_run_options(
      struct_size: MemoryLayout<evssm_run_options>.size, deadline: deadline, cancel: UnsafePointer(flag))
    let status = evssm_session_run(session, input, count ?? input.count, &output, count ?? input.count, &options, nil)
    return (status, output)
  }

  @Test("restores what a session of the runtime does, bit for bit")
  func restores() throws {
    let plan = try opened()
    defer { evssm_plan_close(plan) }
    let session = try session(plan)
    defer { evssm_session_close(session) }
    let input = SeededWeights.picture(height: 20, width: 24, seed: 5)
    let (height, width) = (Int64(20), Int64(24))
    #expect(run(session, input).0 == EVSSM_INVALID_ARGUMENT, "not bound")
    #expect(evssm_session_bind(session, height, width, nil) == EVSSM_OK)
    let expected = try PlanSession(
      plan: ServedPlan.plan, height: Int(height), width: Int(width), workers: Workers(threads: 1)
    ).run(input)
    let (status, output) = run(session, input)
    #expect(status == EVSSM_OK)
    #expect(output.map(\.bitPattern) == expected.map(\.bitPattern))
    // Another size and back again.
    #expect(evssm_session_bind(session, height + 4, width, nil) == EVSSM_OK)
    #expect(run(session, input).0 == EVSSM_INVALID_ARGUMENT, "too few values")
    #expect(evssm_session_bind(session, height, width, nil) == EVSSM_OK)
    #expect(run(session, input).1.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  @Test("says what a plan is, as far as the caller's structure reaches")
  func inspects() throws {
    let plan = try opened()
    defer { evssm_plan_close(plan) }
    var info = evssm_plan_info()
    info.struct_size = MemoryLayout<evssm_plan_info>.size
    #expect(evssm_plan_inspect(plan, &info, nil) == EVSSM_OK)
    #expect(String(cString: info.architecture) == "EVSSM")
    #expect(String(cString: info.digest).count == 64)
    #expect(info.minimum_side == 20 && info.parameter_count > 0 && info.weights_bytes > 0)
    var partial = evssm_plan_info()
    partial.struct_size = 2 * MemoryLayout<Int>.size
    #expect(evssm_plan_inspect(plan, &partial, nil) == EVSSM_OK)
    #expect(partial.architecture != nil && partial.windows == nil)
    partial.struct_size = 0
    #expect(evssm_plan_inspect(plan, &partial, nil) == EVSSM_INVALID_ARGUMENT)
    var bytes: UInt64 = 0
    #expect(evssm_plan_memory(plan, 20, 24, 1, &bytes, nil) == EVSSM_OK)
    #expect(bytes > 20 * 24 * 4 * 8)
  }

  @Test("outlives its plan in a session")
  func closedPlan() throws {
    let plan = try opened()
    let session = try session(plan)
    evssm_plan_close(plan)
    #expect(evssm_session_bind(session, 20, 24, nil) == EVSSM_OK)
    #expect(run(session, [Float](repeating: 0.5, count: 3 * 20 * 24)).0 == EVSSM_OK)
    evssm_session_close(session)
    evssm_session_close(nil)
    evssm_plan_close(nil)
  }

  @Test("stops at a flag and at a deadline, and goes on afterwards")
  func stops() throws {
    let plan = try opened()
    defer { evssm_plan_close(plan) }
    let session = try session(plan)
    defer { evssm_session_close(session) }
    #expect(evssm_session_bind(session, 20, 24, nil) == EVSSM_OK)
    let picture = [Float](repeating: 0.5, count: 3 * 20 * 24)
    #expect(run(session, picture, cancel: 1).0 == EVSSM_CANCELLED)
    #expect(run(session, picture, deadline: 1).0 == EVSSM_DEADLINE_EXCEEDED)
    #expect(run(session, picture, deadline: .max).0 == EVSSM_OK)
  }

  @Test("refuses a second call on a session meanwhile")
  func busy() throws {
    let plan = try opened()
    defer { evssm_plan_close(plan) }
    let handle = try SessionHandle(PlanHandle.at(plan), evssm_session_options())
    let session = OpaquePointer(Unmanaged.passUnretained(handle).toOpaque())
    try handle.claimed { #expect(evssm_session_bind(session, 20, 24, nil) == EVSSM_BUSY) }
    #expect(evssm_session_bind(session, 20, 24, nil) == EVSSM_OK)
  }

  @Test("keeps within its memory")
  func maxMemory() throws {
    let plan = try opened()
    defer { evssm_plan_close(plan) }
    var options = evssm_session_options()
    options.threads = 1
    #expect(evssm_plan_memory(plan, 20, 24, 1, &options.max_memory, nil) == EVSSM_OK)
    let session = try session(plan, options)
    defer { evssm_session_close(session) }
    #expect(evssm_session_bind(session, 20, 24, nil) == EVSSM_OK)
    var error = evssm_error()
    #expect(evssm_session_bind(session, 40, 24, &error) == EVSSM_UNAVAILABLE)
    #expect(
      withUnsafeBytes(of: error.code) { String(cString: $0.bindMemory(to: CChar.self).baseAddress!) }
        == "library.max-memory")
  }

  @Test("answers wrong arguments with a status")
  func arguments() throws {
    var plan: OpaquePointer? = OpaquePointer(bitPattern: 8)
    #expect(evssm_plan_open(nil, nil, &plan, nil) == EVSSM_INVALID_ARGUMENT && plan == nil)
    #expect(evssm_plan_open(directory.path("none"), nil, &plan, nil) == EVSSM_NO_FILE)
    #expect(evssm_plan_open(Fixtures.path("goldens/cases.json"), nil, &plan, nil) == EVSSM_BAD_PLAN)
    #expect(evssm_plan_open(path, nil, nil, nil) == EVSSM_INVALID_ARGUMENT)
    let key = [UInt8](repeating: 7, count: 32)
    key.withUnsafeBufferPointer { key in
      var options = evssm_plan_options(struct_size: MemoryLayout<evssm_plan_options>.size, trusted_key: key.baseAddress)
      #expect([EVSSM_BAD_PLAN, EVSSM_INVALID_ARGUMENT].contains(evssm_plan_open(path, &options, &plan, nil)))
    }
    let opened = try opened()
    defer { evssm_plan_close(opened) }
    var session: OpaquePointer?
    var options = evssm_session_options(
      struct_size: MemoryLayout<evssm_session_options>.size, threads: -1, instruction_set: nil, max_memory: 0)
    #expect(evssm_session_create(opened, &options, &session, nil) == EVSSM_INVALID_ARGUMENT)
    options.threads = 257
    #expect(evssm_session_create(opened, &options, &session, nil) == EVSSM_INVALID_ARGUMENT)
    options.struct_size = 1
    #expect(evssm_session_create(opened, &options, &session, nil) == EVSSM_INVALID_ARGUMENT)
    #expect(evssm_session_create(nil, nil, &session, nil) == EVSSM_INVALID_ARGUMENT)
    "no-such-set".withCString { name in
      options = evssm_session_options(
        struct_size: MemoryLayout<evssm_session_options>.size, threads: 1, instruction_set: name, max_memory: 0)
      #expect(evssm_session_create(opened, &options, &session, nil) == EVSSM_INVALID_ARGUMENT)
    }
    let good = try self.session(opened)
    defer { evssm_session_close(good) }
    for (height, width) in [(0, 24), (24, -1), (19, 24), (1 << 40, 1 << 40), (Int64.max, Int64.max), (Int64.min, 1)] {
      #expect(evssm_session_bind(good, Int64(height), Int64(width), nil) != EVSSM_OK, "\(height)×\(width)")
    }
    #expect(evssm_session_run(good, nil, 0, nil, 0, nil, nil) == EVSSM_INVALID_ARGUMENT)
  }

  @Test("cuts long text at a character")
  func text() {
    var buffer = [UInt8](repeating: 1, count: 6)
    buffer.withUnsafeMutableBytes { copy("ab§§§", into: $0) }
    #expect(buffer == [0x61, 0x62, 0xC2, 0xA7, 0, 1])
  }
}
