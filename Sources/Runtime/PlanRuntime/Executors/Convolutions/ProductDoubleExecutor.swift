import CKernels
import ExecutionPlan

/// A 3×3 convolution of a doubled map, with the products of its nine taps first and the interpolation behind them, plus
/// the skip map.
///
/// A tile is a few columns of the input by a segment of its rows. A thread goes down a tile row by row, with the products
/// of three rows in its own memory, so that tiles need nothing of each other.
final class ProductDoubleExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: constants only.
  /// Rows of the input a tile; one more at both ends is multiplied again by its neighbours.
  static let segmentRows = 16

  private let kernels: UnsafePointer<evssm_kernels>
  private let inputChannels: Int
  private let input: MapView
  private let skip: MapView
  private let output: MapView
  private let weight: PackedMatrix
  private let panelColumns: Int
  private let layout: TileLayout
  private let panels: Int
  private let segments: Int

  init(_ step: DoubleConvolution, panelColumns: Int, _ context: ExecutorContext) throws {
    layout = try step.tileLayout()
    kernels = context.kernels
    self.panelColumns = panelColumns
    inputChannels = step.inputChannels
    input = context.map(step.input)
    skip = context.map(step.skip)
    output = context.map(step.output)
    weight = context.constants.matrix(step.weight, width: 9 * Layout.pitch(step.outputChannels))
    panels = (input.width + panelColumns - 1) / panelColumns
    segments = (input.height + Self.segmentRows - 1) / Self.segmentRows
  }

  /// Columns and rows of the input.
  private struct Tile {
    let start: Int
    let end: Int
    let firstRow: Int
    let endRow: Int
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    team.tiles(panels * segments, worker: worker) { index in
      let (segment, panel) = index.quotientAndRemainder(dividingBy: panels)
      let tile = Tile(
        start: panel * input.width / panels, end: (panel + 1) * input.width / panels,
        firstRow: segment * input.height / segments, endRow: (segment + 1) * input.height / segments)
      run(tile, scratch + layout.operand, rounded: scratch + layout.rounded)
    }
  }

  private func run(_ tile: Tile, _ ring: Floats, rounded: Floats) {
    for row in max(tile.firstRow - 1, 0)..<min(tile.endRow + 1, input.height) {
      multiply(tile, row, ring, rounded: rounded)
      if row > tile.firstRow { interpolate(tile, row - 1, ring) }
    }
    if tile.endRow == input.height { interpolate(tile, tile.endRow - 1, ring) }
  }

  /// The products of the tile's columns, and one more at both ends, of a row of the map; `row` is held within it.
  private func products(_ row: Int, _ tile: Tile, _ ring: Floats) -> Floats {
    ring + min(max(row, 0), input.height - 1) % 3 * (panelColumns + 2) * weight.width
  }

  private func multiply(_ tile: Tile, _ row: Int, _ ring: Floats, rounded: Floats) {
    let first = max(tile.start - 1, 0)
    let last = min(tile.end + 1, input.width)
    let operand = kernels.rounded(
      input.pixel(row, first), count: (last - first) * input.pitch, into: rounded, for: weight)
    kernels.product(
      operand, stride: input.pitch, inner: inputChannels, weight,
      into: products(row, tile, ring) + (first - tile.start + 1) * weight.width, stride: weight.width,
      rows: last - first)
  }

  /// The two rows of the output that a row of the input gives.
  private func interpolate(_ tile: Tile, _ row: Int, _ ring: Floats) {
    let above = ConstFloats(products(row - 1, tile, ring) + weight.width)
    let here = ConstFloats(products(row, tile, ring) + weight.width)
    let below = ConstFloats(products(row + 1, tile, ring) + weight.width)
    let (top, bottom): (Float, Float) = (row > 0 ? 1 : 0, row + 1 < input.height ? 1 : 0)
    mix(
      tile, 2 * row, ((above, here), (above, here), (here, below)),
      ((0.75 * top, 0.25 * top), (0.25, 0.75), (0.75, 0.25)))
    mix(
      tile, 2 * row + 1, ((above, here), (here, below), (here, below)),
      ((0.25, 0.75), (0.75, 0.25), (0.25 * bottom, 0.75 * bottom)))
  }

  private typealias Pairs<Value> = ((Value, Value), (Value, Value), (Value, Value))

  private func mix(_ tile: Tile, _ row: Int, _ rows: Pairs<ConstFloats>, _ weights: Pairs<Float>) {
    let pair = { (pair: (ConstFloats, ConstFloats)) in (Optional(pair.0), Optional(pair.1)) }
    var arguments = evssm_double_products_args(
      row: (pair(rows.0), pair(rows.1), pair(rows.2)), weight: weights, in_stride: weight.width,
      starts: tile.start == 0 ? 1 : 0, ends: tile.end == input.width ? 1 : 0, addend: skip.pixel(row, 2 * tile.start),
      out: output.pixel(row, 2 * tile.start), out_stride: output.pitch, pixels: tile.end - tile.start,
      pitch: output.pitch)
    kernels.pointee.double_products(&arguments)
  }
}
