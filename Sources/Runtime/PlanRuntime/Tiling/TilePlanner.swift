import ExecutionPlan
import Tensors

/// A grid and what it takes.
package struct TileChoice: Sendable, Hashable {
  package let grid: TileGrid
  /// Bytes of arena, scratch memory and all else that was counted in.
  package let byteCount: Int
  /// Multiply-adds of all tiles together.
  package let multiplyAdds: Int

  package init(grid: TileGrid, byteCount: Int, multiplyAdds: Int) {
    self.grid = grid
    self.byteCount = byteCount
    self.multiplyAdds = multiplyAdds
  }
}

/// Chooses tiles for a budget of memory, by the plan's own binding of each candidate size.
package struct TilePlanner: Sendable {
  let plan: LoadedPlan
  /// Threads whose private memory is counted: at least ``leastThreads``, so that the choice, and with it the result, is
  /// the same for every smaller number of threads.
  let threads: Int
  package static let leastThreads = 8

  package init(plan: LoadedPlan, threads: Int) {
    self.plan = plan
    self.threads = max(threads, Self.leastThreads)
  }

  /// The grid with the fewest multiply-adds among those that fit into `budget` bytes; the picture in one piece if that
  /// fits.
  ///
  /// - Parameters:
  ///   - whole: bytes that the caller needs beside the session for a picture in one piece.
  ///   - tiled: bytes that the caller needs beside the session and ``TileGrid/bufferByteCount`` for one in tiles.
  /// - Returns: nil when nothing fits.
  /// - Complexity: a binding for each grid where there are at most 1024 of them; else O(rows + columns) bindings, for the
  ///   most rows and columns of tiles that a picture of this size may have, and nearly the fewest multiply-adds.
  ///
  /// Throws what `Plan.bind(height:width:)` throws for a picture out of the plan's range.
  package func choose(height: Int, width: Int, budget: Int, whole: Int, tiled: Int) throws -> TileChoice? {
    let inOnePiece = try choice(TileGrid(height: height, width: width), beside: whole)
    if inOnePiece.byteCount <= budget { return inOnePiece }
    func fitting(_ grid: TileGrid) throws -> TileChoice? {
      let choice = try choice(grid, beside: Checked.add(tiled, grid.bufferByteCount))
      return choice.byteCount <= budget ? choice : nil
    }
    let (rows, columns) = (Self.axes(height), Self.axes(width))
    if rows.count * columns.count <= Self.mostGrids { return try best(rows, columns, fitting) }
    return try staircase(rows, columns, fitting)
  }

  /// Grids up to which all are tried: a larger tile may need a little less memory, where its strips are cut otherwise.
  private static let mostGrids = 1024

  private func best(
    _ rows: [TileAxis], _ columns: [TileAxis], _ fitting: (TileGrid) throws -> TileChoice?
  ) throws -> TileChoice? {
    var best: TileChoice?
    for row in rows {
      for column in columns {
        guard let choice = try fitting(TileGrid(rows: row, columns: column)) else { continue }
        if choice.multiplyAdds < best?.multiplyAdds ?? .max { best = choice }
      }
    }
    return best
  }

  /// The grid that needs the least memory, in one piece or in tiles.
  package func smallest(height: Int, width: Int, whole: Int, tiled: Int) throws -> TileChoice {
    let inOnePiece = try choice(TileGrid(height: height, width: width), beside: whole)
    let rows = Self.axes(height).last ?? TileAxis(whole: height)
    let columns = Self.axes(width).last ?? TileAxis(whole: width)
    let grid = TileGrid(rows: rows, columns: columns)
    if grid.isWhole { return inOnePiece }
    let inTiles = try choice(grid, beside: Checked.add(tiled, grid.bufferByteCount))
    return inOnePiece.byteCount <= inTiles.byteCount ? inOnePiece : inTiles
  }

  /// Walks along the border between grids that fit and grids that do not: the more rows, the fewer columns are needed.
  private func staircase(
    _ allRows: [TileAxis], _ columns: [TileAxis], _ fitting: (TileGrid) throws -> TileChoice?
  ) throws -> TileChoice? {
    var column = columns.count - 1
    var best: TileChoice?
    for rows in allRows {
      var found: TileChoice?
      while column >= 0, let choice = try fitting(TileGrid(rows: rows, columns: columns[column])) {
        found = choice
        column -= 1
      }
      if let found, found.multiplyAdds < best?.multiplyAdds ?? .max { best = found }
      if column < 0 { break }
      // The last one that fitted also fits with shorter rows, where it may be the best.
      if found != nil { column += 1 }
    }
    return best
  }

  /// The ways to cut an axis, from the fewest tiles to the most, a length each.
  private static func axes(_ size: Int) -> [TileAxis] {
    var out = [TileAxis(whole: size)]
    var count = 2
    while let axis = TileAxis(size: size, count: count, overlap: TileGrid.overlap),
      axis.length >= TileGrid.leastLength
    {
      if axis.length < out[out.count - 1].length { out.append(axis) }
      count += 1
    }
    return out
  }

  private func choice(_ grid: TileGrid, beside bytes: Int) throws -> TileChoice {
    let bound = try plan.binding(height: grid.tileHeight, width: grid.tileWidth)
    let session = try PlanSession.memoryByteCount(bound, threads: threads)
    let work = try bound.multiplyAdds(of: plan.plan).reduce(0) { try Checked.add($0, $1) }
    return TileChoice(
      grid: grid, byteCount: try Checked.add(session, bytes), multiplyAdds: try Checked.multiply(work, grid.count))
  }
}
