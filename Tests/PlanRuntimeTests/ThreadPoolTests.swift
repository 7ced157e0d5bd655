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

  @Test(arguments: [-1, 0, 257, Int.max])
  func threadCountsOutOfRangeAreUsageErrors(count: Int) {
    #expect(throws: EVSSMError.self) { try Workers(threads: count) }
  }
}

private final class Counter: Sendable {
  let value = Atomic<Int>(0)
}
