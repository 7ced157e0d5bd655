import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct MemoryPlannerTests {
  private static func randomRegions(seed: UInt64, count: Int) -> [MemoryRegion] {
    var generator = SeededGenerator(state: seed)
    return (0..<count).map { _ in
      let first = Int.random(in: 0..<40, using: &generator)
      let last = first + Int.random(in: 0..<12, using: &generator)
      return MemoryRegion(byteCount: Int.random(in: 0..<5000, using: &generator), firstStep: first, lastStep: last)
    }
  }

  @Test(arguments: 1...40)
  func randomPlacementsAreProven(seed: Int) throws {
    let regions = Self.randomRegions(seed: UInt64(seed), count: 5 + 3 * seed)
    let placement = try MemoryPlanner.place(regions)
    try MemoryPlanChecker.check(regions, placement)
    let bound = try MemoryPlanner.lowerBound(regions)
    #expect(placement.byteCount >= bound)
    #expect(placement.byteCount <= bound + bound / 3)
    #expect(try MemoryPlanner.place(regions) == placement)
  }

  @Test(arguments: 1...20)
  func checkerAgreesWithEveryPair(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed) &* 977)
    let regions = Self.randomRegions(seed: UInt64(seed), count: 12)
    for _ in 0..<50 {
      let offsets = regions.map { _ in 64 * Int.random(in: 0..<400, using: &generator) }
      let placement = MemoryPlacement(offsets: offsets, byteCount: 64 * 500)
      let overlaps = regions.indices.contains { a in
        (0..<a).contains { b in
          regions[a].isLive(with: regions[b]) && regions[a].byteCount > 0 && regions[b].byteCount > 0
            && offsets[a] < offsets[b] + regions[b].byteCount && offsets[b] < offsets[a] + regions[a].byteCount
        }
      }
      let refused = (try? MemoryPlanChecker.check(regions, placement)) == nil
      #expect(refused == overlaps)
    }
  }

  @Test func checkerNamesWhatIsWrong() throws {
    let regions = [
      MemoryRegion(byteCount: 128, firstStep: 0, lastStep: 2), MemoryRegion(byteCount: 128, firstStep: 2, lastStep: 3),
    ]
    let check = { (offsets: [Int], size: Int) in
      try MemoryPlanChecker.check(regions, MemoryPlacement(offsets: offsets, byteCount: size))
    }
    try check([0, 128], 256)
    expectError("plan.arena-overlap") { try check([0, 64], 256) }
    expectError("plan.arena-overlap") { try check([64, 0], 256) }
    expectError("plan.arena-bounds") { try check([0, 128], 255) }
    expectError("plan.arena-bounds") { try check([-64, 128], 256) }
    expectError("plan.arena-bounds") { try check([0], 256) }
    expectError("plan.arena-alignment") { try check([0, 130], 512) }
    expectError("size.overflow") { try check([0, Int.max - 63], Int.max) }
  }

  @Test func malformedRegionsAreErrors() {
    for region in [
      MemoryRegion(byteCount: -1, firstStep: 0, lastStep: 0), MemoryRegion(byteCount: 1, firstStep: 1, lastStep: 0),
      MemoryRegion(byteCount: 1, firstStep: 0, lastStep: .max), MemoryRegion(byteCount: 1, firstStep: -1, lastStep: 0),
    ] { expectError("plan.memory-region") { _ = try MemoryPlanner.place([region]) } }
    let huge = MemoryRegion(byteCount: Int.max / 2, firstStep: 0, lastStep: 0)
    expectError("size.overflow") { _ = try MemoryPlanner.place([huge, huge, huge]) }
  }

  @Test func nothingNeedsNothing() throws {
    #expect(try MemoryPlanner.place([]) == MemoryPlacement(offsets: [], byteCount: 0))
    #expect(try MemoryPlanner.lowerBound([]) == 0)
  }

  @Test(arguments: [(256, 256), (720, 1280), (21, 35), (1000, 24), (383, 769)], [WindowMode.whole, .released])
  func nestedSkipsMeetTheLowerBound(size: (Int, Int), windows: WindowMode) throws {
    let plan = try SyntheticPlan.evssm(dim: 48, blocks: [6, 6, 12], windows: windows).plan
    let bound = try plan.bind(height: size.0, width: size.1)
    #expect(bound.arenaByteCount == bound.lowerBoundByteCount)
    #expect(bound.totalByteCount > 4 * bound.arenaByteCount)
  }
}
