/// A picture cut into overlapping tiles, all of one size, so that one session runs them all.
public struct TileGrid: Sendable, Hashable {
  /// Pixels that neighbouring tiles share at least; docs/performance.md has the measurements it was chosen by.
  public static let overlap = 64
  /// The shortest side of a tile, unless the picture's own is shorter.
  public static let leastLength = 192

  public let rows: TileAxis
  public let columns: TileAxis

  public init(rows: TileAxis, columns: TileAxis) {
    self.rows = rows
    self.columns = columns
  }

  /// A picture in one piece.
  public init(height: Int, width: Int) { self.init(rows: TileAxis(whole: height), columns: TileAxis(whole: width)) }

  public var count: Int { rows.starts.count * columns.starts.count }
  public var isWhole: Bool { count == 1 }
  /// Pixels of a tile.
  public var tileHeight: Int { rows.length }
  public var tileWidth: Int { columns.length }
  /// Pixels of the picture.
  public var height: Int { rows.size }
  public var width: Int { columns.size }

  /// Bytes that ``TiledSession`` holds beside its plan session's: a tile before and after, and a row of tiles in the
  /// making.
  public var bufferByteCount: Int {
    let tile = 3 * tileHeight * tileWidth * MemoryLayout<Float>.stride
    return 2 * tile + 3 * tileHeight * width * MemoryLayout<Float>.stride
  }
}
