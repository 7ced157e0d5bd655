/// How one axis of a picture is cut into overlapping tiles of one length.
///
/// Tiles start at multiples of ``alignment``, but for the last one, which ends with the axis. Neighbours share at least
/// the overlap that was asked for; where they do, one fades into the other.
package struct TileAxis: Sendable, Hashable {
  /// Starts and lengths are multiples of this many pixels: the side of a patch of the spectral filter at the third
  /// level, so that upright blocks filter the same patches as without tiles.
  package static let alignment = 32

  /// Pixels of the axis.
  package let size: Int
  /// Pixels of each tile; `size` itself for a single tile, else a multiple of ``alignment``.
  package let length: Int
  /// Where the tiles start, ascending.
  package let starts: [Int]

  /// The axis in one piece.
  package init(whole size: Int) {
    self.init(size: size, length: size, starts: [0])
  }

  /// `count` tiles, as short as they can be.
  ///
  /// - Parameters:
  ///   - count: at least 1.
  ///   - overlap: the least overlap of neighbours, a multiple of ``alignment``.
  /// - Returns: nil when tiles as short as that would not be shorter than the axis, or not longer than twice the
  ///   overlap.
  package init?(size: Int, count: Int, overlap: Int) {
    guard count > 1 else {
      self.init(whole: size)
      return
    }
    let covered = size + (count - 1) * overlap
    let length = Self.roundUp((covered + count - 1) / count)
    guard length < size, length > 2 * overlap else { return nil }
    // Rounding up may have made the last tiles superfluous.
    let needed = (size - overlap + length - overlap - 1) / (length - overlap)
    let spread = size - length
    self.init(
      size: size, length: length,
      starts: (0..<needed).map { tile in
        tile == needed - 1 ? spread : Self.roundUp((tile * spread + needed - 2) / (needed - 1))
      })
  }

  private init(size: Int, length: Int, starts: [Int]) {
    self.size = size
    self.length = length
    self.starts = starts
  }

  private static func roundUp(_ value: Int) -> Int { (value + alignment - 1) / alignment * alignment }

  /// The weights of a tile's pixels along this axis. Over all tiles that cover a pixel they add up to one.
  ///
  /// A quarter of an overlap next to a tile's edge counts for nothing: there, the tile knows least of what surrounds
  /// it. In the half between, weights change linearly.
  package func weights(of tile: Int) -> [Float] {
    (starts[tile]..<starts[tile] + length).map { position in
      let sum = starts.indices.reduce(0) { $0 + ramp($1, at: position) }
      return Float(ramp(tile, at: position) / sum)
    }
  }

  /// The weight of a tile at a position of the axis before all are made to add up to one.
  private func ramp(_ tile: Int, at position: Int) -> Double {
    let (start, end) = (starts[tile], starts[tile] + length)
    guard position >= start, position < end else { return 0 }
    let before = tile == 0 ? 1 : Self.rise(position - start, overlap: starts[tile - 1] + length - start)
    let after = tile == starts.count - 1 ? 1 : Self.rise(end - 1 - position, overlap: end - starts[tile + 1])
    return min(before, after)
  }

  private static func rise(_ distance: Int, overlap: Int) -> Double {
    min(max((Double(distance) + 0.5) / Double(overlap) * 2 - 0.5, 0), 1)
  }
}
