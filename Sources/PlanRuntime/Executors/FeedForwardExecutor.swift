import CKernels
import ExecutionPlan

/// Runs a feed-forward stage: panel after panel, in strips of rows.
///
/// Phases: *expand* (norm and project_in for a strip's rows, one row ahead), *project* (depthwise 3×3, gate and
/// project_out), and *filter* (the spectral filter of a band that is complete, and the residual).
final class FeedForwardExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: all members are constants; the memory behind the pointers is written in phases that wait for each other.
  private let kernels: UnsafePointer<evssm_kernels>
  private let stage: FeedForwardStage
  private let layout: FeedForwardLayout
  private let tile: TileLayout
  private let view: FrameView
  private let input: Floats
  private let output: Floats
  private let weights: FeedForwardWeights
  private let expanded: Floats
  private let projected: Floats

  init(
    _ stage: FeedForwardStage, input: MapView, output: MapView, weights: FeedForwardWeights, scratch: Floats,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    self.kernels = kernels
    self.stage = stage
    self.weights = weights
    layout = try FeedForwardLayout(stage, height: input.height, width: input.width)
    tile = try TileLayout(.feedForwardStage(stage))
    view = FrameView(frame: stage.frame, height: input.height, width: input.width, pitch: input.pitch)
    self.input = input.pixels
    self.output = output.pixels
    expanded = scratch + layout.expanded
    projected = scratch + layout.projected
  }

  /// Columns `start..<end` of the frame, processed from top to bottom.
  private struct Panel {
    let start: Int
    let end: Int
    /// Tiles of project_out's columns.
    let tiles: RowTiles
    /// Tiles of project_in's columns, which reach one pixel further on both sides.
    let haloTiles: RowTiles

    init(start: Int, end: Int) {
      self.start = start
      self.end = end
      tiles = RowTiles(width: end - start)
      haloTiles = RowTiles(width: end - start + 2)
    }

    var width: Int { end - start }
    var patches: Int { (width + Layout.patch - 1) / Layout.patch }
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    for index in 1..<layout.panelEdges.count {
      let panel = Panel(start: layout.panelEdges[index - 1], end: layout.panelEdges[index])
      run(Turn(panel: panel, worker: worker, team: team, scratch: scratch))
    }
  }

  /// A worker on a panel.
  private struct Turn {
    let panel: Panel
    let worker: Int
    let team: Team
    let scratch: Floats
  }

  /// Strip after strip, with the expansion two strips ahead: each phase may begin while the one before it ends, as it
  /// needs only what is older.
  private func run(_ turn: Turn) {
    expand(turn, strip: 0, overlapping: 0)
    expand(turn, strip: 1, overlapping: 1)
    var filtered = 0
    for strip in 0..<strips {
      project(turn, strip: strip)
      expand(turn, strip: strip + 2, overlapping: 1)
      let complete = strip * layout.stripRows / Layout.patch
      if complete > filtered {
        filter(turn, band: filtered, overlapping: 1)
        filtered = complete
      }
    }
    let bands = (layout.height + Layout.patch - 1) / Layout.patch
    for band in filtered..<bands { filter(turn, band: band, overlapping: 0) }
  }

  private var strips: Int { (layout.height + layout.stripRows - 1) / layout.stripRows }

  /// Rows of the map that a strip's projection needs and no strip before it expanded; none behind the last strip.
  private func rowsToExpand(_ strip: Int) -> Range<Int> {
    guard strip < strips else { return 0..<0 }
    let first = strip * layout.stripRows
    return (strip == 0 ? -1 : first + 1)..<(min(first + layout.stripRows, layout.height) + 1)
  }

  private func expand(_ turn: Turn, strip: Int, overlapping: Int) {
    let rows = rowsToExpand(strip)
    let count = turn.panel.haloTiles.count(rows: rows.count)
    turn.team.phase(count, worker: turn.worker, overlapping: overlapping) { tile in
      expand(turn.panel, rows, tile, turn.scratch)
    }
  }

  private func project(_ turn: Turn, strip: Int) {
    let first = strip * layout.stripRows
    let rows = first..<min(first + layout.stripRows, layout.height)
    turn.team.phase(turn.panel.tiles.count(rows: rows.count), worker: turn.worker, overlapping: 1) { tile in
      project(turn.panel, rows, tile, turn.scratch)
    }
  }

  private func filter(_ turn: Turn, band: Int, overlapping: Int) {
    turn.team.phase(turn.panel.patches, worker: turn.worker, overlapping: overlapping) { tile in
      filter(turn.panel, band: band, patch: tile, turn.scratch)
    }
  }

  /// The first pixel (column −1 of the panel) of a row in the ring.
  private func ring(_ row: Int, _ panel: Panel) -> Floats {
    let slots = layout.expandedRows
    return expanded + (row + slots) % slots * (layout.panelWidth + 2) * 2 * layout.hiddenPitch
  }

  private func expand(_ panel: Panel, _ rows: Range<Int>, _ index: Int, _ scratch: Floats) {
    let (offset, start, end) = panel.haloTiles.tile(index, rows: rows.count)
    let row = rows.lowerBound + offset
    let pitch = 2 * layout.hiddenPitch
    let target = ring(row, panel)
    guard row >= 0, row < layout.height else {
      (target + start * pitch).update(repeating: 0, count: (end - start) * pitch)
      return
    }
    // Ring column i is the frame's column panel.start + i − 1; outside the map the convolution pads with zeros.
    let first = max(start, panel.start == 0 ? 1 : 0)
    let last = min(end, layout.width - panel.start + 1)
    if first > start { (target + start * pitch).update(repeating: 0, count: pitch) }
    if last < end { (target + last * pitch).update(repeating: 0, count: pitch) }
    let operand = Operand(scratch + tile.operand)
    kernels.rmsNorm(
      input + view.offset(row, panel.start + first - 1), stride: view.columnStride, into: operand, for: weights.projectIn,
      pitch: layout.channelPitch, pixels: last - first, channels: stage.channels, epsilon: stage.rmsEpsilon)
    kernels.product(
      operand, stride: layout.channelPitch, inner: stage.channels, weights.projectIn,
      into: target + first * pitch, stride: pitch, rows: last - first)
  }

  private func project(_ panel: Panel, _ rows: Range<Int>, _ index: Int, _ scratch: Floats) {
    let (offset, start, end) = panel.tiles.tile(index, rows: rows.count)
    let row = rows.lowerBound + offset
    let pitch = 2 * layout.hiddenPitch
    let at = (start + 1) * pitch
    var gate = evssm_depthwise_args(
      row: (
        ConstFloats(ring(row - 1, panel) + at), ConstFloats(ring(row, panel) + at), ConstFloats(ring(row + 1, panel) + at)
      ), row_stride: pitch,
      weight: weights.convolution, bias: nil, out: scratch + tile.operand, out_stride: layout.hiddenPitch,
      pixels: end - start, pitch: layout.hiddenPitch)
    kernels.depthwiseGate(&gate, for: weights.projectOut)
    kernels.product(
      Operand(scratch + tile.operand), stride: layout.hiddenPitch, inner: stage.hidden, weights.projectOut,
      into: projectedPixel(row, start), stride: layout.channelPitch, rows: end - start)
  }

  /// A pixel of project_out's result; `column` counts from the panel's start.
  private func projectedPixel(_ row: Int, _ column: Int) -> Floats {
    projected + (row % layout.projectedRows * layout.panelWidth + column) * layout.channelPitch
  }

  /// Filters one patch of a band and adds it to the input.
  private func filter(_ panel: Panel, band: Int, patch: Int, _ scratch: Floats) {
    let row = band * Layout.patch
    let column = patch * Layout.patch
    let rows = min(Layout.patch, layout.height - row)
    let columns = min(Layout.patch, panel.width - column)
    let isWhole = rows == Layout.patch && columns == Layout.patch
    let gathered = scratch + tile.result
    if !isWhole { gather(row, column, panelWidth: panel.width, into: gathered) }
    let offset = view.offset(row, panel.start + column)
    let pitch = layout.channelPitch
    var arguments = evssm_spectral_args(
      in: isWhole ? projectedPixel(row, column) : gathered,
      in_row: (isWhole ? layout.panelWidth : Layout.patch) * pitch, in_pixel: pitch, filter: weights.filter,
      addend: input + offset, out: output + offset, out_row: view.rowStride, out_pixel: view.columnStride, first_row: 0,
      end_row: rows, first_column: 0, end_column: columns, pitch: pitch)
    kernels.pointee.spectral(&arguments)
  }

  /// A patch that reaches over the map's last row or column, filled up by reflection.
  private func gather(_ row: Int, _ column: Int, panelWidth: Int, into out: Floats) {
    for i in 0..<Layout.patch {
      let y = PictureBinding.reflect(row + i, layout.height)
      for j in 0..<Layout.patch {
        let x = PictureBinding.reflect(column + j, panelWidth)
        (out + (i * Layout.patch + j) * layout.channelPitch).update(from: projectedPixel(y, x), count: layout.channelPitch)
      }
    }
  }
}
