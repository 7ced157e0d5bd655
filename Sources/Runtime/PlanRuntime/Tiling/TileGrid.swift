/// A picture cut into overlapping tiles, all of one size, so that one session runs them all.
package struct TileGrid: Sendable, Hashable {
  /// Pixels that neighbouring tiles share at least; docs/performance.md has the measurements it was chosen by.
  package static let overlap = 64
  /// The shortest side of a tile, unless the picture's own is shorter.
  package static let leastLength = 192

  package let rows: TileAxis
  package let columns: TileAxis

  package init(rows: TileAxis, columns: TileAxis) {
    self.rows = rows
    self.columns = columns
  }

  /// A picture in one piece.
  package init(height: Int, width: Int) { self.init(rows: TileAxis(whole: height), columns: TileAxis(whole: width)) }

  package var count: Int { rows.starts.count * columns.starts.count }
  package var isWhole: Bool { count == 1 }
  /// Pixels of a tile.
  package var tileHeight: Int { rows.length }
  package var tileWidth: Int { columns.length }
  /// Pixels of the picture.
  package var height: Int { rows.size }
  package var width: Int { columns.size }

  /// Bytes that ``TiledSession`` holds beside its plan session's: a tile before and after, and a row of tiles in the
  /// making.
  package var bufferByteCount: Int {
    let tile = 3 * tileHeight * tileWidth * MemoryLayout<Float>.stride
    return 2 * tile + 3 * tileHeight * width * MemoryLayout<Float>.stride
  }
}
