import CKernels
import ExecutionPlan

/// Runs a feed-forward stage: panel after panel, in strips of rows, each in two phases.
///
/// 1. expand: norm and project_in for the strip's rows, one row ahead; beside it the spectral filter of a band that is
///   complete.
/// 2. project: depthwise 3×3, gate and project_out.
final class FeedForwardExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: all members are constants; the memory behind the pointers is written in phases with barriers between.
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
      run(panel, worker: worker, team: team, scratch: scratch)
    }
  }

  private func run(_ panel: Panel, worker: Int, team: Team, scratch: Floats) {
    var firstRow = 0
    var complete: Int? = nil
    while firstRow < layout.height {
      let endRow = min(firstRow + layout.stripRows, layout.height)
      let rows = (firstRow == 0 ? -1 : firstRow + 1)..<(endRow + 1)
      let filtering = complete == nil ? 0 : panel.patches
      let band = complete ?? 0
      team.tiles(filtering + rows.count * panel.haloTiles.tilesPerRow, worker: worker) { tile in
        if tile < filtering {
          filter(panel, band: band, patch: tile, scratch)
        } else {
          expand(panel, rows, tile - filtering, scratch)
        }
      }
      team.tiles((endRow - firstRow) * panel.tiles.tilesPerRow, worker: worker) { tile in
        project(panel, firstRow, tile, scratch)
      }
      complete = endRow % Layout.patch == 0 || endRow == layout.height ? (endRow - 1) / Layout.patch : nil
      firstRow = endRow
    }
    let band = (layout.height - 1) / Layout.patch
    team.tiles(panel.patches, worker: worker) { tile in filter(panel, band: band, patch: tile, scratch) }
  }

  /// The first pixel (column −1 of the panel) of a row in the ring.
  private func ring(_ row: Int, _ panel: Panel) -> Floats {
    let slots = layout.stripRows + 2
    return expanded + (row + slots) % slots * (layout.panelWidth + 2) * 2 * layout.hiddenPitch
  }

  private func expand(_ panel: Panel, _ rows: Range<Int>, _ index: Int, _ scratch: Floats) {
    let (offset, start, end) = panel.haloTiles.tile(index)
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
    var norm = evssm_rms_args(
      in: input + view.offset(row, panel.start + first - 1), in_stride: view.columnStride, out: scratch + tile.operand,
      out_stride: layout.channelPitch, pixels: last - first, channels: stage.channels, epsilon: stage.rmsEpsilon)
    kernels.pointee.rms_norm(&norm)
    kernels.product(
      scratch + tile.operand, stride: layout.channelPitch, inner: stage.channels, weights.projectIn,
      into: target + first * pitch, stride: pitch, rows: last - first)
  }

  private func project(_ panel: Panel, _ firstRow: Int, _ index: Int, _ scratch: Floats) {
    let (offset, start, end) = panel.tiles.tile(index)
    let row = firstRow + offset
    let pitch = 2 * layout.hiddenPitch
    let at = (start + 1) * pitch
    var gate = evssm_depthwise_args(
      row: (
        ConstFloats(ring(row - 1, panel) + at), ConstFloats(ring(row, panel) + at), ConstFloats(ring(row + 1, panel) + at)
      ), row_stride: pitch,
      weight: weights.convolution, bias: nil, out: scratch + tile.operand, out_stride: layout.hiddenPitch,
      pixels: end - start, pitch: layout.hiddenPitch)
    kernels.pointee.depthwise_gate(&gate)
    kernels.product(
      scratch + tile.operand, stride: layout.hiddenPitch, inner: stage.hidden, weights.projectOut,
      into: projectedPixel(row, start), stride: layout.channelPitch, rows: end - start)
  }

  /// A pixel of project_out's result; `column` counts from the panel's start.
  private func projectedPixel(_ row: Int, _ column: Int) -> Floats {
    projected + (row % (2 * Layout.patch) * layout.panelWidth + column) * layout.channelPitch
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
