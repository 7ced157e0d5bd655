import ExecutionPlan
import ModelCompiler
import PlanRuntime
import TestSupport
import Testing

@Suite("Tiled runs")
struct TilingTests {
  private func plan() throws -> LoadedPlan {
    let architecture = SeededWeights.architecture(dim: 8, blocks: [1, 1, 1])
    return try CheckpointCompilation(SeededWeights.catalogue(architecture, seed: 7)).plan
  }

  private func restore(_ session: TiledSession, _ picture: [Float]) throws -> [Float] {
    let (height, width) = (session.grid.height, session.grid.width)
    var out = [Float](repeating: .nan, count: picture.count)
    var next = 0
    func read(_ rows: Range<Int>, _ columns: Range<Int>, _ buffer: UnsafeMutableBufferPointer<Float>) {
      var target = 0
      for plane in 0..<3 {
        for row in rows {
          for column in columns {
            buffer[target] = picture[(plane * height + row) * width + column]
            target += 1
          }
        }
      }
    }
    func write(_ rows: Range<Int>, _ values: UnsafeBufferPointer<Float>) {
      #expect(rows.lowerBound == next)
      next = rows.upperBound
      var source = 0
      for row in rows {
        for plane in 0..<3 {
          for column in 0..<width {
            out[(plane * height + row) * width + column] = values[source]
            source += 1
          }
        }
      }
    }
    try session.run(read: read, write: write)
    #expect(next == height)
    return out
  }

  @Test("in one tile give the bits of a run without tiles")
  func whole() throws {
    let (height, width) = (47, 70)
    let workers = try Workers(threads: 2)
    let picture = SeededWeights.picture(height: height, width: width, seed: 1)
    let plan = try plan()
    let expected = try PlanSession(plan: plan, height: height, width: width, workers: workers).run(picture)
    let tiled = try TiledSession(plan: plan, grid: TileGrid(height: height, width: width), workers: workers)
    #expect(try restore(tiled, picture) == expected)
  }

  @Test("are each tile's result where no other tile lies, and blends of two elsewhere; for any number of threads")
  func blend() throws {
    let rows = try #require(TileAxis(size: 150, count: 2, overlap: 32))
    let columns = try #require(TileAxis(size: 230, count: 3, overlap: 32))
    let grid = TileGrid(rows: rows, columns: columns)
    let picture = SeededWeights.picture(height: 150, width: 230, seed: 2)
    let plan = try plan()
    let found = try restore(TiledSession(plan: plan, grid: grid, workers: Workers(threads: 1)), picture)
    #expect(try restore(TiledSession(plan: plan, grid: grid, workers: Workers(threads: 3)), picture) == found)
    let session = try PlanSession(
      plan: plan, height: grid.tileHeight, width: grid.tileWidth, workers: Workers(threads: 2))
    var expected = [Double](repeating: 0, count: picture.count)
    for (row, top) in rows.starts.enumerated() {
      for (column, left) in columns.starts.enumerated() {
        let places = Self.places(top..<top + rows.length, left..<left + columns.length, height: 150, width: 230)
        let result = try session.run(places.map { picture[$0] })
        let (vertical, horizontal) = (rows.weights(of: row), columns.weights(of: column))
        for (index, place) in places.enumerated() {
          let y = index / columns.length % rows.length
          let weight = Double(vertical[y]) * Double(horizontal[index % columns.length])
          expected[place] += weight * Double(result[index])
        }
      }
    }
    for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 1e-6) }
  }

  /// Where the values of a rectangle lie among planes (3, height, width), plane by plane.
  private static func places(_ rows: Range<Int>, _ columns: Range<Int>, height: Int, width: Int) -> [Int] {
    var out: [Int] = []
    for plane in 0..<3 {
      for row in rows {
        let start = (plane * height + row) * width
        out += columns.map { start + $0 }
      }
    }
    return out
  }

  @Test("are chosen to fit, with the least work, and in one piece when that fits")
  func choice() throws {
    let plan = try plan()
    let planner = TilePlanner(plan: plan, threads: 2)
    let (height, width) = (700, 900)
    let smallest = try planner.smallest(height: height, width: width, whole: 0, tiled: 0)
    let whole = try #require(try planner.choose(height: height, width: width, budget: .max, whole: 0, tiled: 0))
    #expect(whole.grid.isWhole && !smallest.grid.isWhole)
    #expect(
      try planner.choose(
        height: height, width: width, budget: smallest.byteCount - 1, whole: 0, tiled: 0) == nil)
    var last = smallest.multiplyAdds
    let step = (whole.byteCount - smallest.byteCount) / 5
    for budget in stride(from: smallest.byteCount, to: whole.byteCount, by: step) {
      let found = try #require(try planner.choose(height: height, width: width, budget: budget, whole: 0, tiled: 0))
      #expect(found.byteCount <= budget && !found.grid.isWhole)
      #expect(found.multiplyAdds <= last, "more memory never makes more work")
      last = found.multiplyAdds
      let best = try #require(try bruteForce(plan, height, width, budget))
      #expect(found.multiplyAdds == best.multiplyAdds, "\(found) is not \(best)")
    }
  }

  /// The best grid among all that fit.
  private func bruteForce(_ plan: LoadedPlan, _ height: Int, _ width: Int, _ budget: Int) throws -> TileChoice? {
    func axes(_ size: Int) -> [TileAxis] {
      (1...20).compactMap { TileAxis(size: size, count: $0, overlap: TileGrid.overlap) }
        .filter { $0.length == size || $0.length >= TileGrid.leastLength }
    }
    var best: TileChoice?
    for rows in axes(height) {
      for columns in axes(width) {
        let grid = TileGrid(rows: rows, columns: columns)
        let bound = try plan.binding(height: grid.tileHeight, width: grid.tileWidth)
        let bytes = try PlanSession.memoryByteCount(bound, threads: 8) + grid.bufferByteCount
        let work = try bound.multiplyAdds(of: plan.plan).reduce(0, +) * grid.count
        guard bytes <= budget, work < best?.multiplyAdds ?? .max else { continue }
        best = TileChoice(grid: grid, byteCount: bytes, multiplyAdds: work)
      }
    }
    return best
  }
}
