/// Cuts rows of pixels into tiles of at most ``TileLayout/pixels``. Tiles are numbered down the rows first, so that a
/// worker's share of them is a part of the columns: a phase that reads what lies above and below finds its own work. Lines
/// that another core has written may be far away, on processors of several dies several hundred cycles.
package struct RowTiles: Sendable, Hashable {
  /// Narrower rows are one tile.
  package static let leastToCut = 32
  /// Rows of a matrix tile.
  private static let unit = 8

  package let width: Int
  /// One, or an even number: two workers' shares meet at a column.
  package let tilesPerRow: Int
  /// Pixels of all tiles but a row's last; nil for tiles of nearly equal size.
  private let step: Int?

  package init(width: Int) {
    self.width = width
    let parts = (width + TileLayout.pixels - 1) / TileLayout.pixels
    tilesPerRow = width < Self.leastToCut ? 1 : (parts + 1) / 2 * 2
    let step = width / tilesPerRow / Self.unit * Self.unit
    self.step = step > 0 && width - (tilesPerRow - 1) * step <= TileLayout.pixels ? step : nil
  }

  package func count(rows: Int) -> Int { rows * tilesPerRow }

  /// The row and the columns of tile `index` of `rows` rows.
  package func tile(_ index: Int, rows: Int) -> (row: Int, start: Int, end: Int) {
    let (part, row) = index.quotientAndRemainder(dividingBy: rows)
    return (row, edge(part), edge(part + 1))
  }

  /// The column where the second half of the tiles begins; the width where there is one.
  package var seam: Int { tilesPerRow == 1 ? width : edge(tilesPerRow / 2) }

  private func edge(_ part: Int) -> Int {
    guard let step else { return part * width / tilesPerRow }
    return part == tilesPerRow ? width : part * step
  }
}
