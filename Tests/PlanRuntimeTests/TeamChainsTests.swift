import CKernels
import Glibc
import Synchronization
import Tensors
import Testing

@testable import PlanRuntime

/// Phases of which each worker does its own share, and chains whose links go from worker to worker.
@Suite struct TeamChainsTests {
  /// Turns of two phases of tiles and one of chains, with overlaps, in which one worker dawdles now and then.
  private final class Job: TeamJob, @unchecked Sendable {
    let turns: Int
    let tiles: Int
    let chains: Int
    let links: Int
    /// In microseconds, by a number of the turn: how long the last worker sleeps.
    let dawdles: [UInt32]
    let tileCounts: [Counter]
    /// Links done of each turn's chains.
    let reached: [Counter]
    let isInside: [Counter]
    let flaws = Atomic<Int>(0)

    init(turns: Int, tiles: Int, chains: Int, links: Int, dawdles: [UInt32]) {
      (self.turns, self.tiles, self.chains, self.links, self.dawdles) = (turns, tiles, chains, links, dawdles)
      tileCounts = (0..<2 * turns * tiles).map { _ in Counter() }
      reached = (0..<turns * chains).map { _ in Counter() }
      isInside = (0..<chains).map { _ in Counter() }
    }

    func run(worker: Int, team: Team) {
      for turn in 0..<turns {
        if turn > 0 { team.assist(0, tiles: tiles, worker: worker) { tile(2 * turn - 1, $0) } }
        team.share(tiles, worker: worker, overlapping: 0) { tile(2 * turn, $0) }
        if worker == team.count - 1 { usleep(dawdles[turn % dawdles.count]) }
        // The chains may begin while the tiles of this turn are being done, the second tiles not before all of them are.
        team.chains(chains, links: links, worker: worker, overlapping: 1, isOwn: { ($0 + $1) % team.count == worker }) {
          link(turn, $0, $1)
        }
        team.assist(1, tiles: tiles, worker: worker) { tile(2 * turn, $0) }
        team.assist(0, chains: chains, links: links, worker: worker) { link(turn, $0, $1) }
        team.share(tiles, worker: worker, overlapping: 0) { tile(2 * turn + 1, $0) }
      }
      team.assist(0, tiles: tiles, worker: worker) { tile(2 * turns - 1, $0) }
      team.finish(worker: worker)
    }

    private func tile(_ phase: Int, _ tile: Int) {
      tileCounts[phase * tiles + tile].value.wrappingAdd(1, ordering: .relaxed)
      guard phase % 2 == 1 else { return }
      let turn = phase / 2
      if (0..<chains).contains(where: { reached[turn * chains + $0].value.load(ordering: .relaxed) != links }) {
        flaw()
      }
    }

    private func link(_ turn: Int, _ chain: Int, _ link: Int) {
      if isInside[chain].value.wrappingAdd(1, ordering: .relaxed).newValue != 1 { flaw() }
      if reached[turn * chains + chain].value.wrappingAdd(1, ordering: .relaxed).oldValue != link { flaw() }
      isInside[chain].value.wrappingSubtract(1, ordering: .relaxed)
    }

    private func flaw() { flaws.wrappingAdd(1, ordering: .relaxed) }
  }

  @Test(arguments: [1, 2, 3, 8], [(0, 1, 1), (1, 1, 9), (7, 6, 2), (64, 8, 31)])
  func everyTileAndLinkIsDoneOnceAndInOrder(threads: Int, size: (tiles: Int, chains: Int, links: Int)) throws {
    let pool = try ThreadPool(threads: threads)
    for dawdles: [UInt32] in [[0], [0, 0, 300], [0, 40, 0, 5000]] {
      let job = Job(turns: 25, tiles: size.tiles, chains: size.chains, links: size.links, dawdles: dawdles)
      #expect(pool.run(job) == nil)
      #expect(job.tileCounts.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
      #expect(job.reached.allSatisfy { $0.value.load(ordering: .relaxed) == size.links })
      #expect(job.flaws.load(ordering: .relaxed) == 0)
    }
  }

  /// A worker that is held up leaves its share and its links to the others, which wait only for what it has begun.
  @Test func othersDoWhatAWorkerDoesNotComeTo() throws {
    let pool = try ThreadPool(threads: 2)
    let job = HeldUpJob()
    pool.run(job)
    #expect(job.doneByOther.load(ordering: .relaxed) == 4 + 6)
  }

  private final class HeldUpJob: TeamJob, @unchecked Sendable {
    let doneByOther = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)

    func run(worker: Int, team: Team) {
      if worker == 1 {
        while !isOver.load(ordering: .acquiring) { usleep(100) }
      }
      let count = { if worker == 0 { self.doneByOther.wrappingAdd(1, ordering: .relaxed) } }
      team.share(4, worker: worker, overlapping: 0) { _ in count() }
      team.assist(0, tiles: 4, worker: worker) { _ in count() }
      team.chains(2, links: 3, worker: worker, overlapping: 0, isOwn: { $1 % 2 == worker }) { _, _ in count() }
      team.assist(0, chains: 2, links: 3, worker: worker) { _, _ in count() }
      team.finish(worker: worker)
      isOver.store(true, ordering: .releasing)
    }
  }

  /// A worker that sleeps in a tile looks like one that is off its processor; the other changes places with it, and both may run
  /// afterwards where they might before.
  @Test func changingPlacesLeavesProcessorsAsTheyWere() throws {
    let pool = try ThreadPool(threads: 2)
    for _ in 0..<20 {
      let job = SleepingJob()
      pool.run(job)
      #expect(job.tilesDone.load(ordering: .relaxed) == 6)
      #expect(job.processors.allSatisfy { $0.value.load(ordering: .relaxed) == Int(evssm_processor_count()) })
    }
  }

  private final class SleepingJob: TeamJob, @unchecked Sendable {
    let tilesDone = Atomic<Int>(0)
    let processors = [Counter(), Counter()]

    func run(worker: Int, team: Team) {
      for _ in 0..<3 {
        team.tiles(2, worker: worker) { tile in
          if tile == 1 { usleep(3000) }
          tilesDone.wrappingAdd(1, ordering: .relaxed)
        }
      }
      processors[worker].value.store(Int(evssm_processor_count()), ordering: .relaxed)
    }
  }
}
