import PlanRuntime
import ServingTestSupport
import Synchronization
import Tensors
import Testing

@testable import InferenceServer

@Suite("The scheduler")
struct SchedulerTests {
  private func scheduler(
    threads: Int = 2, sessions: Int = 2, queue: Int = 16, memory: Int = 1 << 30, smallPixels: Int = 1 << 16
  ) throws -> Scheduler {
    try Scheduler(
      SchedulerConfiguration(
        threads: threads, sessions: sessions, queue: queue, maxMemory: memory, smallPixels: smallPixels))
  }

  private func run(
    _ scheduler: Scheduler, _ request: RunRequest, _ urgency: Urgency = Urgency()
  ) async throws -> RunResult {
    let admission = try scheduler.admit(deadline: urgency.deadline)
    return try await scheduler.run(request, urgency, admission: admission)
  }

  private typealias Run = Task<RunResult, any Error>

  /// Waits until `condition` holds or all the runs are over, which they may be before this task has its turn again.
  private func wait(for runs: [Run], until condition: () -> Bool) async throws -> Bool {
    let over = Over()
    let watch = Task {
      for run in runs { _ = await run.result }
      over.value.store(true, ordering: .releasing)
    }
    defer { watch.cancel() }
    while !condition() {
      if over.value.load(ordering: .acquiring) { return false }
      try await Task.sleep(nanoseconds: 1_000_000)
    }
    return true
  }

  private final class Over: Sendable {
    let value = Atomic(false)
  }

  /// A run of a large picture that has begun and takes seconds unless it is cancelled.
  private func longRun(_ scheduler: Scheduler, _ model: ServedModel) async throws -> Run {
    while true {
      let long = Run { try await run(scheduler, ServedPlan.request(model, height: 1536, width: 1536)) }
      if try await wait(for: [long], until: { scheduler.figures.running > 0 }) { return long }
    }
  }

  @Test("gives what a run without it gives, side by side and alone", arguments: [(1, 1), (2, 1), (2, 2), (4, 3)])
  func results(threads: Int, sessions: Int) async throws {
    let scheduler = try scheduler(threads: threads, sessions: sessions, queue: 64)
    let model = ServedPlan.model()
    let requests = (0..<24).map { index in
      ServedPlan.request(model, height: 20 + 4 * (index % 3), width: 24 + 8 * (index % 2), seed: UInt64(index))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for request in requests {
        group.addTask {
          let result = try await run(scheduler, request)
          #expect(try result.planes.map(\.bitPattern) == ServedPlan.expected(request).map(\.bitPattern))
        }
      }
      try await group.waitForAll()
    }
    #expect(scheduler.figures.accepted == 0)
    #expect(scheduler.figures.running == 0)
  }

  @Test("accepts as many as its queue has places, and says when to come back")
  func queueIsBounded() async throws {
    let scheduler = try scheduler(queue: 3)
    do {
      let first = try scheduler.admit()
      let second = try scheduler.admit()
      let third = try scheduler.admit()
      let refused = #expect(throws: ServingError.self) { try scheduler.checkAdmission() }
      #expect(refused?.kind == .overloaded)
      #expect(refused?.retryAfter ?? 0 >= 1)
      _ = consume first
      _ = consume second
      _ = consume third
    }
    #expect(scheduler.figures.accepted == 0)
    try scheduler.checkAdmission()
  }

  @Test("refuses at once what can never fit, with both figures")
  func memoryIsBounded() async throws {
    let limit = try ServedPlan.byteCount(height: 32, width: 32, threads: 2)
    let scheduler = try scheduler(memory: limit)
    let model = ServedPlan.model()
    _ = try await run(scheduler, ServedPlan.request(model, height: 32, width: 32))
    do {
      _ = try await run(scheduler, ServedPlan.request(model, height: 512, width: 512))
      Issue.record("a picture over the limit was accepted")
    } catch let error as ServingError {
      #expect(error.kind == .tooLarge)
      #expect(error.message.contains("MiB"))
    }
    // Other sizes take the place of idle ones; the sum stays in bounds.
    for height in [20, 24, 28, 32] {
      _ = try await run(scheduler, ServedPlan.request(model, height: height, width: 32))
      #expect(scheduler.figures.sessionBytes <= limit)
    }
  }

  @Test("takes a cancelled request out of the queue, and stops one that runs")
  func cancel() async throws {
    let scheduler = try scheduler(threads: 1, sessions: 1)
    let model = ServedPlan.model()
    let long = try await longRun(scheduler, model)
    let waiting = Run { try await run(scheduler, ServedPlan.request(model)) }
    #expect(try await wait(for: [waiting], until: { scheduler.figures.waiting > 0 }))
    waiting.cancel()
    #expect(await kind { _ = try await waiting.value } == .cancelled)
    #expect(scheduler.figures.waiting == 0)
    long.cancel()
    #expect(await kind { _ = try await long.value } == .cancelled)
    _ = try await run(scheduler, ServedPlan.request(model))
    #expect(scheduler.figures.accepted == 0)
  }

  @Test("keeps deadlines: before the queue, in it, and in a run")
  func deadlines() async throws {
    let scheduler = try scheduler(threads: 1, sessions: 1)
    let model = ServedPlan.model()
    let past = Urgency(deadline: RunControl.now())
    #expect(await kind { _ = try await run(scheduler, ServedPlan.request(model), past) } == .deadline)
    let soon = Urgency(deadline: RunControl.now() + 20_000_000)
    #expect(
      await kind { _ = try await run(scheduler, ServedPlan.request(model, height: 512, width: 512), soon) } == .deadline
    )
    let long = try await longRun(scheduler, model)
    let queued = Urgency(deadline: RunControl.now() + 5_000_000)
    #expect(await kind { _ = try await run(scheduler, ServedPlan.request(model), queued) } == .deadline)
    long.cancel()
    _ = await long.result
    let late = Urgency(deadline: RunControl.now() + 60_000_000_000)
    _ = try await run(scheduler, ServedPlan.request(model), late)
  }

  @Test("loses no accepted request when it is drained")
  func drain() async throws {
    let scheduler = try scheduler(queue: 16)
    let model = ServedPlan.model()
    let tasks = (0..<8).map { index in
      Run { try await run(scheduler, ServedPlan.request(model, seed: UInt64(index))) }
    }
    _ = try await wait(for: tasks, until: { scheduler.figures.accepted > 0 })
    let before = scheduler.figures.accepted
    scheduler.beginDrain()
    #expect(await kind { _ = try scheduler.admit() } == .unavailable)
    await scheduler.drained()
    #expect(scheduler.figures.accepted == 0)
    var served = 0
    for task in tasks where await kind({ _ = try await task.value }) == nil { served += 1 }
    #expect(served >= before)
  }

  @Test("orders by priority, then by arrival")
  func priorities() {
    var state = SchedulerState(sessions: SessionPool(maxMemory: 1 << 30))
    let model = ServedPlan.model()
    let bytes = try? SessionBytes(model, height: 24, width: 32, threads: 1)
    guard let bytes else {
      Issue.record("the small plan does not bind")
      return
    }
    let jobs = [0, 200, 1, 100, 1, 0].map {
      Job(ServedPlan.request(model), Urgency(priority: $0), byteCounts: bytes)
    }
    for job in jobs { state.enqueue(job) }
    #expect(state.queue.map(\.priority) == [1, 1, 100, 100, 100, 200])
    #expect(state.queue[0] === jobs[2] && state.queue[2] === jobs[0] && state.queue[3] === jobs[3])
  }

  private func next(
    _ state: inout SchedulerState, _ configuration: SchedulerConfiguration
  ) throws -> SchedulerState.Assignment {
    let assignment = state.next(configuration)
    return try #require(assignment)
  }

  private func expectNone(
    _ state: inout SchedulerState, _ configuration: SchedulerConfiguration, _ comment: Comment
  ) {
    let assignment = state.next(configuration)
    #expect(assignment == nil, comment)
  }

  @Test("runs one picture on all threads, several small ones side by side")
  func grouping() throws {
    let configuration = SchedulerConfiguration(threads: 4, sessions: 2, maxMemory: 1 << 30, smallPixels: 1024)
    let model = ServedPlan.model()
    func job(_ height: Int) throws -> Job {
      let bytes = try SessionBytes(model, height: height, width: 32, threads: 4)
      return Job(ServedPlan.request(model, height: height, width: 32), Urgency(), byteCounts: bytes)
    }
    var state = SchedulerState(sessions: SessionPool(maxMemory: 1 << 30))
    try state.enqueue(job(24))
    let alone = try next(&state, configuration)
    #expect(alone.isWide && alone.key.threads == 4)
    for height in [24, 24, 24, 64] { try state.enqueue(job(height)) }
    expectNone(&state, configuration, "all threads are taken")
    state.finished(alone.job)
    let first = try next(&state, configuration)
    let second = try next(&state, configuration)
    #expect(!first.isWide && !second.isWide && first.key.threads == 1)
    expectNone(&state, configuration, "both sessions are taken")
    state.finished(first.job)
    let third = try next(&state, configuration)
    #expect(!third.isWide)
    state.finished(second.job)
    expectNone(&state, configuration, "a large picture waits for all threads")
    state.finished(third.job)
    #expect(try next(&state, configuration).isWide)
  }

  @Test("remembers what a size needs, for as many sizes as anyone asks for")
  func sizes() throws {
    let model = ServedPlan.model()
    for width in 24..<324 {
      let bytes = try model.sessionBytes(height: 24, width: width, threads: 2)
      #expect(try bytes == SessionBytes(model, height: 24, width: width, threads: 2))
      #expect(try model.sessionBytes(height: 24, width: width, threads: 2) == bytes)
    }
    #expect(throws: (any Error).self) { try model.sessionBytes(height: 4, width: 4, threads: 2) }
  }
}

extension SchedulerState.Assignment: Equatable {
  public static func == (a: Self, b: Self) -> Bool { a.job === b.job }
}
