import EVSSMModel
import ExecutionPlan
import GraphCompiler
import PlanRuntime
import TestSupport
import Testing

@Suite("Tiled runs")
struct TilingTests {
  private func plan() throws -> LoadedPlan {
    let architecture = SeededWeights.architecture(dim: 8, blocks: [1, 1, 1])
    let graph = try EVSSMModel.graph(SeededWeights.catalogue(architecture, seed: 7), architecture)
    let model = ModelDescription(
      architecture: "EVSSM", hyperparameters: [], parameterCount: try architecture.parameterCount(), windows: .released,
      minimumSide: EVSSMArchitecture.minimumSide)
    return try PlanCompiler.compile(graph, model: model).loaded()
  }

  private func restore(_ session: TiledSession, _ picture: [Float]) throws -> [Float] {
    let (height, width) = (session.grid.height, session.grid.width)
    var out = [Float](repeating: .nan, count: picture.count)
    var next = 0
    try session.run { rows, columns, buffer in
      for plane in 0..<3 {
        for (y, row) in rows.enumerated() {
          for (x, column) in columns.enumerated() {
            buffer[(plane * rows.count + y) * columns.count + x] = picture[(plane * height + row) * width + column]
          }
        }
      }
    } write: { rows, values in
      #expect(rows.lowerBound == next)
      next = rows.upperBound
      for (y, row) in rows.enumerated() {
        for plane in 0..<3 {
          for x in 0..<width { out[(plane * height + row) * width + x] = values[(3 * y + plane) * width + x] }
        }
      }
    }
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
    var expected = [Double](repeating: 0, count: picture.count)
    let session = try PlanSession(
      plan: plan, height: grid.tileHeight, width: grid.tileWidth, workers: Workers(threads: 2))
    for (row, top) in rows.starts.enumerated() {
      for (column, left) in columns.starts.enumerated() {
        var tile: [Float] = []
        for plane in 0..<3 {
          for y in top..<top + rows.length {
            tile += picture[(plane * 150 + y) * 230 + left..<(plane * 150 + y) * 230 + left + columns.length]
          }
        }
        let result = try session.run(tile)
        let (vertical, horizontal) = (rows.weights(of: row), columns.weights(of: column))
        for index in result.indices {
          let (plane, y) = (index / (rows.length * columns.length), index / columns.length % rows.length)
          let x = index % columns.length
          expected[(plane * 150 + top + y) * 230 + left + x] +=
            Double(vertical[y]) * Double(horizontal[x]) * Double(result[index])
        }
      }
    }
    for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 1e-6) }
  }

  @Test("are chosen to fit, with the least work, and in one piece when that fits")
  func choice() throws {
    let plan = try plan()
    let planner = TilePlanner(plan: plan, threads: 2)
    let (height, width) = (700, 900)
    let smallest = try planner.smallest(height: height, width: width, whole: 0, tiled: 0)
    let whole = try #require(try planner.choose(height: height, width: width, budget: .max, whole: 0, tiled: 0))
    #expect(whole.grid.isWhole && !smallest.grid.isWhole)
    #expect(try planner.choose(
      height: height, width: width, budget: smallest.byteCount - 1, whole: 0, tiled: 0) == nil)
    var last = smallest.multiplyAdds
    for budget in stride(from: smallest.byteCount, to: whole.byteCount, by: (whole.byteCount - smallest.byteCount) / 5) {
      let found = try #require(try planner.choose(height: height, width: width, budget: budget, whole: 0, tiled: 0))
      #expect(found.byteCount <= budget && !found.grid.isWhole)
      #expect(found.multiplyAdds <= last, "more memory never makes more work")
      last = found.multiplyAdds
      #expect(try found == bruteForce(plan, height, width, budget))
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
        let bytes = try PlanSession.memoryByteCount(plan, bound, threads: 8) + grid.bufferByteCount
        let work = try bound.multiplyAdds(of: plan.plan).reduce(0, +) * grid.count
        guard bytes <= budget, work < best?.multiplyAdds ?? .max else { continue }
        best = TileChoice(grid: grid, byteCount: bytes, multiplyAdds: work)
      }
    }
    return best
  }
}
