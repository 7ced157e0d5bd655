import ExecutionPlan
import Tensors

/// Runs a picture tile by tile through one session, and blends the tiles a row of them at a time.
///
/// The result does not depend on the number of threads. Not reentrant.
package final class TiledSession {
  package let grid: TileGrid
  package let session: PlanSession
  private var source: [Float]
  private var result: [Float]
  /// The row of tiles in the making: (tile height, 3, picture width).
  private var band: [Float]
  private let rowWeights: [[Float]]
  private let columnWeights: [[Float]]

  /// Fills a buffer with the planes (3, tile height, tile width) of the rectangle of rows and columns.
  package typealias Read = (Range<Int>, Range<Int>, UnsafeMutableBufferPointer<Float>) throws -> Void
  /// Takes finished rows of the result: (rows, 3, picture width). Called from top to bottom.
  package typealias Write = (Range<Int>, UnsafeBufferPointer<Float>) throws -> Void

  /// Binds the plan to the grid's size of tile. Throws what ``PlanSession`` throws.
  package init(plan: LoadedPlan, grid: TileGrid, workers: Workers) throws {
    self.grid = grid
    session = try PlanSession(plan: plan, height: grid.tileHeight, width: grid.tileWidth, workers: workers)
    source = [Float](repeating: 0, count: session.pictureCount)
    result = [Float](repeating: 0, count: session.pictureCount)
    band = [Float](repeating: 0, count: 3 * grid.tileHeight * grid.width)
    rowWeights = grid.rows.starts.indices.map(grid.rows.weights)
    columnWeights = grid.columns.starts.indices.map(grid.columns.weights)
  }

  /// Restores a picture.
  ///
  /// - Complexity: a run of the session for each tile, and a multiply-add a value and tile.
  package func run(read: Read, write: Write) throws {
    clear(from: 0)
    for row in grid.rows.starts.indices {
      for column in grid.columns.starts.indices { try run(row, column, read) }
      try finish(row, write)
    }
  }

  private func run(_ row: Int, _ column: Int, _ read: Read) throws {
    let (top, left) = (grid.rows.starts[row], grid.columns.starts[column])
    try source.withUnsafeMutableBufferPointer {
      try read(top..<top + grid.tileHeight, left..<left + grid.tileWidth, $0)
    }
    try source.withUnsafeBufferPointer { source in
      try result.withUnsafeMutableBufferPointer { try session.run(input: source, output: $0) }
    }
    result.withUnsafeBufferPointer { tile in
      columnWeights[column].withUnsafeBufferPointer { blend(tile, rowWeights[row], $0, at: left) }
    }
  }

  /// Adds a tile, weighted, to the band.
  private func blend(
    _ tile: UnsafeBufferPointer<Float>, _ rowWeights: [Float], _ columnWeights: UnsafeBufferPointer<Float>, at left: Int
  ) {
    let (height, width, pitch) = (grid.tileHeight, grid.tileWidth, grid.width)
    band.withUnsafeMutableBufferPointer { band in
      for plane in 0..<3 {
        for y in 0..<height where rowWeights[y] != 0 {
          let from = (plane * height + y) * width
          let to = (3 * y + plane) * pitch + left
          for x in 0..<width where columnWeights[x] != 0 {
            band[to + x] += rowWeights[y] * columnWeights[x] * tile[from + x]
          }
        }
      }
    }
  }

  /// Hands on the rows that no later tile touches, and moves the others up.
  private func finish(_ row: Int, _ write: Write) throws {
    let top = grid.rows.starts[row]
    let isLast = row == grid.rows.starts.count - 1
    let rows = isLast ? grid.tileHeight : grid.rows.starts[row + 1] - top
    let done = 3 * rows * grid.width
    try band.withUnsafeBufferPointer { try write(top..<top + rows, UnsafeBufferPointer(rebasing: $0[..<done])) }
    if isLast { return }
    band.withUnsafeMutableBufferPointer { band in
      if let base = band.baseAddress { base.update(from: base + done, count: band.count - done) }
    }
    clear(from: grid.tileHeight - rows)
  }

  private func clear(from row: Int) {
    band.withUnsafeMutableBufferPointer { $0[(3 * row * grid.width)...].update(repeating: 0) }
  }
}
