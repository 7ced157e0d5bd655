import CKernels
import ExecutionPlan

typealias Floats = UnsafeMutablePointer<Float>
typealias ConstFloats = UnsafePointer<Float>

/// A step bound to sizes and memory. Every worker of a team calls ``run(worker:team:scratch:)``, which allocates
/// nothing.
protocol StepExecutor: AnyObject, Sendable {
  /// - Parameter scratch: the worker's own memory, `BoundPlan.threadScratchByteCount`, which follows that of the worker
  ///   before it.
  func run(worker: Int, team: Team, scratch: Floats)
}

/// A map in the arena, upright.
struct MapView {
  let pixels: Floats
  let height: Int
  let width: Int
  let pitch: Int

  func pixel(_ y: Int, _ x: Int) -> Floats { pixels + (y * width + x) * pitch }
}

/// A packed matrix, what it is made of, and how many values each of its rows spans.
struct PackedMatrix {
  let values: UnsafeRawPointer
  let element: Precision
  let bias: ConstFloats?
  /// Columns, a multiple of 16.
  let width: Int
}

/// Cuts rows of pixels into tiles of at most ``Operation/tilePixels``. Tiles are numbered down the rows first, so that a
/// worker's share of them is a part of the columns: a phase that reads what lies above and below finds its own work. Lines
/// that another core has written may be far away, on processors of several dies several hundred cycles.
struct RowTiles {
  /// Narrower rows are one tile.
  static let leastToCut = 32
  /// Rows of a matrix tile.
  private static let unit = 8

  let width: Int
  let tilesPerRow: Int
  /// Pixels of all tiles but a row's last; nil for tiles of nearly equal size.
  private let step: Int?

  init(width: Int) {
    self.width = width
    let parts = (width + Operation.tilePixels - 1) / Operation.tilePixels
    // An even number, so that two workers' shares meet at a column.
    tilesPerRow = width < Self.leastToCut ? 1 : (parts + 1) / 2 * 2
    let step = width / tilesPerRow / Self.unit * Self.unit
    self.step = step > 0 && width - (tilesPerRow - 1) * step <= Operation.tilePixels ? step : nil
  }

  func count(rows: Int) -> Int { rows * tilesPerRow }

  /// The row and the columns of tile `index` of `rows` rows.
  @inline(__always)
  func tile(_ index: Int, rows: Int) -> (row: Int, start: Int, end: Int) {
    let (part, row) = index.quotientAndRemainder(dividingBy: rows)
    return (row, edge(part), edge(part + 1))
  }

  private func edge(_ part: Int) -> Int {
    guard let step else { return part * width / tilesPerRow }
    return part == tilesPerRow ? width : part * step
  }
}
