import Glibc
import Synchronization
import Tensors
import Testing

@testable import PlanRuntime

@Suite struct ThreadPoolTests {
  /// Counts how often each tile of several phases is done, and whether a phase ever starts before the one before it
  /// ended.
  private final class CountingJob: TeamJob, @unchecked Sendable {
    let counts: [Counter]
    let finished = Atomic<Int>(0)
    let early = Atomic<Int>(0)
    let phases: Int
    let tiles: Int

    init(phases: Int, tiles: Int) {
      self.phases = phases
      self.tiles = tiles
      counts = (0..<phases * tiles).map { _ in Counter() }
    }

    func run(worker: Int, team: Team) {
      for phase in 0..<phases {
        team.tiles(tiles, worker: worker) { tile in
          if finished.load(ordering: .sequentiallyConsistent) < phase * tiles {
            early.wrappingAdd(1, ordering: .relaxed)
          }
          counts[phase * tiles + tile].value.wrappingAdd(1, ordering: .relaxed)
          finished.wrappingAdd(1, ordering: .sequentiallyConsistent)
        }
      }
    }
  }

  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 64])
  func everyTileIsDoneOnceAndPhasesDoNotOverlap(threads: Int, tiles: Int) throws {
    let pool = try ThreadPool(threads: threads)
    for _ in 0..<20 {
      let job = CountingJob(phases: 30, tiles: tiles)
      pool.run(job)
      #expect(job.counts.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
      #expect(job.early.load(ordering: .relaxed) == 0)
    }
  }

  /// Two tiles on two threads, one of which takes long; then a phase that needs both.
  private final class UnevenJob: TeamJob, @unchecked Sendable {
    let started = Atomic<Int>(0)

    func run(worker: Int, team: Team) {
      team.tiles(2, worker: worker) { tile in
        started.wrappingAdd(1, ordering: .relaxed)
        while started.load(ordering: .relaxed) < 2 { sched_yield() }
        if tile == 1 { usleep(20_000) }
      }
      team.tiles(2, worker: worker) { _ in }
    }
  }

  /// What a thread waits for a tile of another is in the trace, after the phase that it waited for.
  @Test func waitsAreTraced() throws {
    let workers = try Workers(threads: 2)
    let trace = RunTrace(workers: workers)
    workers.pool.run(UnevenJob(), trace: trace)
    let first = try (0..<2).map { try #require(trace.phases(of: $0).first) }
    let waits = first.map { $0.ended - $0.worked }
    let works = first.map { $0.worked - $0.began }
    #expect(max(waits[0], waits[1]) > 10_000_000, "waits \(waits)")
    #expect(max(works[0], works[1]) >= 20_000_000, "works \(works)")
    // Neither both wait for long nor one alone for all of its time.
    #expect(min(waits[0], waits[1]) < 10_000_000, "waits \(waits)")
  }

  /// Cancels itself in one of its phases.
  private final class CancellingJob: TeamJob, @unchecked Sendable {
    let control = RunControl()
    let phaseOfCancel: Int
    let started = (0..<40).map { _ in Counter() }

    init(phaseOfCancel: Int) { self.phaseOfCancel = phaseOfCancel }

    func run(worker: Int, team: Team) {
      for phase in started.indices {
        team.tiles(7, worker: worker) { _ in
          started[phase].value.wrappingAdd(1, ordering: .relaxed)
          if phase == phaseOfCancel { control.cancel() }
        }
      }
    }
  }

  @Test(arguments: [1, 2, 3, 8], [0, 1, 17, 38])
  func aCancelledRunFinishesItsTilesAndStartsNoOtherPhase(threads: Int, phase: Int) throws {
    let pool = try ThreadPool(threads: threads)
    for _ in 0..<20 {
      let job = CancellingJob(phaseOfCancel: phase)
      #expect(pool.run(job, control: job.control) == .cancelled)
      let tiles = job.started.map { $0.value.load(ordering: .relaxed) }
      #expect(tiles[..<phase].allSatisfy { $0 == 7 })
      #expect((1...7).contains(tiles[phase]))
      #expect(tiles[(phase + 1)...].allSatisfy { $0 == 0 })
      let next = CountingJob(phases: 3, tiles: 7)
      #expect(pool.run(next) == nil)
      #expect(next.counts.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
    }
  }

  @Test(arguments: [1, 3])
  func aRunStopsAtItsDeadline(threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    let job = CountingJob(phases: 1000, tiles: 7)
    #expect(pool.run(job, control: RunControl(deadline: RunControl.now())) == .deadline)
    #expect(job.counts.allSatisfy { $0.value.load(ordering: .relaxed) == 0 })
    #expect(pool.run(job, control: RunControl(deadline: .max)) == nil)
  }

  @Test(arguments: [-1, 0, 257, Int.max])
  func threadCountsOutOfRangeAreUsageErrors(count: Int) {
    #expect(throws: EVSSMError.self) { try Workers(threads: count) }
  }
}

final class Counter: Sendable {
  let value = Atomic<Int>(0)
}
