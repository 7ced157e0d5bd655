import CKernels
import ExecutionPlan

/// Runs a scan stage: window after window, strip after strip, each strip in four phases.
///
/// 1. expand: norm and the x half of in_proj for the strip's rows, one row ahead; beside it, close: what is left of the
///   strip before.
/// 2. mix: depthwise 3×3, GELU and x_proj.
/// 3. taps: the seven taps along the scan order.
/// 4. scan: the state recurrence, split over channels.
/// Closing a strip: layer norm, z half of in_proj, GELU, gate, out_proj, residual.
final class ScanStageExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: all members are constants; the memory behind the pointers is written in phases with barriers between.
  let kernels: UnsafePointer<evssm_kernels>
  let stage: ScanStage
  let layout: ScanStageLayout
  let tile: TileLayout
  let view: FrameView
  let input: Floats
  let output: Floats
  let weights: ScanStageWeights
  let expanded: Floats
  let sequence: Floats
  let carry: Floats
  let parameters: Floats
  let convolved: Floats
  let state: Floats
  let tiles: RowTiles

  init(
    _ stage: ScanStage, input: MapView, output: MapView, weights: ScanStageWeights, scratch: Floats,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    self.kernels = kernels
    self.stage = stage
    self.weights = weights
    layout = try ScanStageLayout(stage, height: input.height, width: input.width)
    tile = try TileLayout(.scanStage(stage))
    view = FrameView(frame: stage.frame, height: input.height, width: input.width, pitch: input.pitch)
    self.input = input.pixels
    self.output = output.pixels
    expanded = scratch + layout.expanded
    sequence = scratch + layout.sequence + ScanStageLayout.lag * layout.innerPitch
    carry = scratch + layout.carry
    parameters = scratch + layout.parameters + 2 * ScanStageLayout.lag * layout.parameterPitch
    convolved = scratch + layout.convolved + ScanStageLayout.lag * layout.parameterPitch
    state = scratch + layout.state
    tiles = RowTiles(width: layout.columns.length)
  }

  /// A window, and where it lies among the others.
  struct Window {
    let row: Int
    let column: Int
    let top: Int
    let left: Int
  }

  /// Rows of a window that are processed together, and the positions that their scan covers, counted from the strip's
  /// first pixel.
  struct Strip {
    let window: Window
    let firstRow: Int
    let rows: Int
    let isFirst: Bool
    let isLast: Bool
    let scanStart: Int
    let scanEnd: Int
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    for row in layout.rows.starts.indices {
      for column in layout.columns.starts.indices {
        let window = Window(row: row, column: column, top: layout.rows.starts[row], left: layout.columns.starts[column])
        run(window, worker: worker, team: team, scratch: scratch)
      }
    }
  }

  private func strip(_ index: Int, _ window: Window) -> Strip {
    let firstRow = index * layout.stripRows
    let rows = min(layout.stripRows, layout.rows.length - firstRow)
    let isLast = firstRow + rows == layout.rows.length
    let positions = rows * layout.columns.length
    return Strip(
      window: window, firstRow: firstRow, rows: rows, isFirst: index == 0, isLast: isLast,
      scanStart: index == 0 ? 0 : -ScanStageLayout.lag, scanEnd: isLast ? positions : positions - ScanStageLayout.lag)
  }

  private func run(_ window: Window, worker: Int, team: Team, scratch: Floats) {
    let count = (layout.rows.length + layout.stripRows - 1) / layout.stripRows
    for index in 0...count {
      let before = index > 0 ? strip(index - 1, window) : nil
      let closing = before.map(closingTiles) ?? 0
      guard index < count else {
        team.tiles(closing, worker: worker) { tile in before.map { close($0, tile, scratch) } }
        return
      }
      let current = strip(index, window)
      let rows = rowsToExpand(current)
      team.tiles(closing + rows.count * tiles.tilesPerRow, worker: worker) { tile in
        if tile < closing { before.map { close($0, tile, scratch) } } else { expand(window, rows, tile - closing, scratch) }
      }
      team.tiles(current.rows * tiles.tilesPerRow, worker: worker) { tile in mix(current, tile) }
      let spans = (current.scanEnd - current.scanStart + Operation.tilePixels - 1) / Operation.tilePixels
      team.tiles(spans, worker: worker) { tile in convolve(current, tile) }
      let groups = layout.innerPitch / Layout.lanes
      team.tiles(groups + 1, worker: worker) { tile in if tile < groups { scan(current, tile) } else { keep(current) } }
    }
  }

  /// Floats a row of the ring: the window's columns and a pixel of halo at both ends.
  var ringRow: Int { (layout.columns.length + 2) * layout.innerPitch }

  /// The first pixel of a row of the window in the ring; rows −1 and `length` are zero rows.
  func ring(_ row: Int) -> Floats {
    let slots = layout.stripRows + 2
    return expanded + (row + slots) % slots * ringRow + layout.innerPitch
  }

  /// The rows that the strip's depthwise convolution needs and no strip before it made.
  private func rowsToExpand(_ strip: Strip) -> Range<Int> {
    (strip.isFirst ? -1 : strip.firstRow + 1)..<(strip.firstRow + strip.rows + 1)
  }
}
