import CKernels
import ExecutionPlan

/// Runs a feed-forward stage. The threads share out the segments of its panels; each goes through a segment by itself, so
/// that nothing of what is between input and output passes from core to core.
///
/// Strip after strip: *expand* (norm and project_in, one row ahead) and *project* (depthwise 3×3, gate and project_out);
/// band after band: *filter* (the spectral filter and the residual). In place, a phase in front saves what segments read of
/// each other: see ``FeedForwardHalo``.
final class FeedForwardExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: all members are constants; what a thread writes is its own.
  private let kernels: UnsafePointer<evssm_kernels>
  private let stage: FeedForwardStage
  private let layout: FeedForwardLayout
  private let tile: TileLayout
  private let view: FrameView
  private let input: Floats
  private let output: Floats
  private let weights: FeedForwardWeights
  private let halo: FeedForwardHalo

  init(_ stage: FeedForwardStage, _ context: ExecutorContext) throws {
    let input = context.map(stage.input)
    kernels = context.kernels
    self.stage = stage
    weights = FeedForwardWeights(stage, context.constants)
    layout = try FeedForwardLayout(stage, height: input.height, width: input.width)
    tile = try stage.tileLayout()
    view = FrameView(frame: stage.frame, height: input.height, width: input.width, pitch: input.pitch)
    self.input = input.pixels
    output = context.map(stage.output).pixels
    halo = FeedForwardHalo(
      layout: layout, view: view, input: input.pixels, seams: context.scratch,
      edgeRows: tile.total + layout.edgeRows, threadFloats: context.threadFloats)
  }

  /// Columns and rows of the frame, processed from top to bottom, and the memory of the thread that does.
  private struct Segment {
    let panel: Int
    let index: Int
    let columns: Range<Int>
    let rows: Range<Int>
    let scratch: Floats
    let expanded: Floats
    let projected: Floats
    /// Worker 0's memory.
    let memory: Floats
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let count = layout.segments(threads: team.count)
    let memory = halo.memory(scratch, of: worker)
    if halo.isNeeded(segments: count) {
      team.phase(layout.bands, worker: worker) { band in halo.save(band: band, segments: count, memory) }
    }
    team.tiles((layout.panelEdges.count - 1) * count, worker: worker) { index in
      let (panel, segment) = index.quotientAndRemainder(dividingBy: count)
      let own = scratch + tile.total
      run(
        Segment(
          panel: panel, index: segment, columns: layout.panelEdges[panel]..<layout.panelEdges[panel + 1],
          rows: layout.rows(ofSegment: segment, of: count), scratch: scratch, expanded: own + layout.expanded,
          projected: own + layout.projected, memory: memory))
    }
  }

  private func run(_ segment: Segment) {
    var next = segment.rows.lowerBound - 1
    for first in stride(from: segment.rows.lowerBound, to: segment.rows.upperBound, by: layout.stripRows) {
      let end = min(first + layout.stripRows, segment.rows.upperBound)
      for row in next...end { expand(segment, row) }
      next = end + 1
      for row in first..<end { project(segment, row) }
      if end % Layout.patch == 0 || end == layout.height { filter(segment, band: (end - 1) / Layout.patch) }
    }
  }

  /// The first pixel (column −1 of the panel) of a row in the ring.
  private func ring(_ row: Int, _ segment: Segment) -> Floats {
    let slots = layout.expandedRows
    return segment.expanded + (row + slots) % slots * (layout.panelWidth + 2) * 2 * layout.hiddenPitch
  }

  /// Norm and project_in of a row and a pixel of halo at both ends; outside the map the convolution pads with zeros.
  private func expand(_ segment: Segment, _ row: Int) {
    let pitch = 2 * layout.hiddenPitch
    let target = ring(row, segment)
    let (left, right) = (segment.columns.lowerBound - 1, segment.columns.upperBound + 1)
    guard row >= 0, row < layout.height else { return target.update(repeating: 0, count: (right - left) * pitch) }
    if left < 0 { target.update(repeating: 0, count: pitch) }
    if right > layout.width { (target + (right - 1 - left) * pitch).update(repeating: 0, count: pitch) }
    eachTile(max(left, 0)..<min(right, layout.width)) { columns in
      let operand = Operand(segment.scratch + tile.operand)
      normalise(segment, row, columns, into: operand)
      kernels.product(
        operand, stride: layout.channelPitch, inner: stage.channels, weights.projectIn,
        into: target + (columns.lowerBound - left) * pitch, stride: pitch, rows: columns.count)
    }
  }

  /// Pixels scaled to a mean square of one, as project_in reads them: of a stage in place the segment's own from the map,
  /// all others as they were saved.
  private func normalise(_ segment: Segment, _ row: Int, _ columns: Range<Int>, into out: Operand) {
    guard layout.isInPlace else {
      return normalise(map(row, columns.lowerBound), view.columnStride, columns.count, into: out)
    }
    let pitch = layout.channelPitch
    guard segment.rows.contains(row) else {
      let isAbove = row < segment.rows.lowerBound
      let saved = halo.edgeRow(isAbove ? segment.index - 1 : segment.index, isAbove ? .before : .behind, segment.memory)
      return normalise(saved + columns.lowerBound * pitch, pitch, columns.count, into: out)
    }
    let own = columns.clamped(to: segment.columns)
    if columns.lowerBound < own.lowerBound {
      normalise(halo.seamPixel(segment.panel - 1, .before, row), pitch, 1, into: out)
    }
    let ownPart = weights.projectIn.advance(out, by: (own.lowerBound - columns.lowerBound) * pitch)
    normalise(map(row, own.lowerBound), view.columnStride, own.count, into: ownPart)
    if own.upperBound < columns.upperBound {
      let last = weights.projectIn.advance(out, by: (columns.count - 1) * pitch)
      normalise(halo.seamPixel(segment.panel, .behind, row), pitch, 1, into: last)
    }
  }

  private func map(_ row: Int, _ column: Int) -> Floats { input + view.offset(row, column) }

  private func normalise(_ pixels: Floats, _ stride: Int, _ count: Int, into out: Operand) {
    kernels.rmsNorm(
      pixels, stride: stride, into: out, for: weights.projectIn, pitch: layout.channelPitch, pixels: count,
      channels: stage.channels, epsilon: stage.rmsEpsilon)
  }

  /// Calls `body` for parts of `columns` that fit the buffers of a tile.
  @inline(__always)
  private func eachTile(_ columns: Range<Int>, _ body: (Range<Int>) -> Void) {
    for start in stride(from: columns.lowerBound, to: columns.upperBound, by: TileLayout.pixels) {
      body(start..<min(start + TileLayout.pixels, columns.upperBound))
    }
  }

  private func project(_ segment: Segment, _ row: Int) {
    let pitch = 2 * layout.hiddenPitch
    eachTile(segment.columns) { columns in
      let at = (columns.lowerBound - segment.columns.lowerBound + 1) * pitch
      var gate = evssm_depthwise_args(
        row: (
          ConstFloats(ring(row - 1, segment) + at), ConstFloats(ring(row, segment) + at),
          ConstFloats(ring(row + 1, segment) + at)
        ), row_stride: pitch,
        weight: weights.convolution, bias: nil, out: segment.scratch + tile.operand, out_stride: layout.hiddenPitch,
        pixels: columns.count, pitch: layout.hiddenPitch)
      kernels.depthwiseGate(&gate, for: weights.projectOut)
      kernels.product(
        Operand(segment.scratch + tile.operand), stride: layout.hiddenPitch, inner: stage.hidden, weights.projectOut,
        into: projectedPixel(segment, row, columns.lowerBound), stride: layout.channelPitch, rows: columns.count)
    }
  }

  /// A pixel of project_out's result.
  private func projectedPixel(_ segment: Segment, _ row: Int, _ column: Int) -> Floats {
    let index = row % layout.projectedRows * layout.panelWidth + column - segment.columns.lowerBound
    return segment.projected + index * layout.channelPitch
  }

  /// Filters a band patch by patch and adds it to the input.
  private func filter(_ segment: Segment, band: Int) {
    for column in stride(from: segment.columns.lowerBound, to: segment.columns.upperBound, by: Layout.patch) {
      filter(segment, row: band * Layout.patch, column: column)
    }
  }

  private func filter(_ segment: Segment, row: Int, column: Int) {
    let rows = min(Layout.patch, layout.height - row)
    let columns = min(Layout.patch, segment.columns.upperBound - column)
    let isWhole = rows == Layout.patch && columns == Layout.patch
    let gathered = segment.scratch + tile.result
    if !isWhole { gather(segment, row, column, into: gathered) }
    let offset = view.offset(row, column)
    let pitch = layout.channelPitch
    var arguments = evssm_spectral_args(
      in: isWhole ? projectedPixel(segment, row, column) : gathered,
      in_row: (isWhole ? layout.panelWidth : Layout.patch) * pitch, in_pixel: pitch, filter: weights.filter,
      addend: input + offset, out: output + offset, out_row: view.rowStride, out_pixel: view.columnStride, first_row: 0,
      end_row: rows, first_column: 0, end_column: columns, pitch: pitch)
    kernels.pointee.spectral(&arguments)
  }

  /// A patch that reaches over the map's last row or column, filled up by reflection.
  private func gather(_ segment: Segment, _ row: Int, _ column: Int, into out: Floats) {
    for i in 0..<Layout.patch {
      let y = PictureBinding.reflect(row + i, layout.height)
      for j in 0..<Layout.patch {
        let x = PictureBinding.reflect(column + j, layout.width)
        (out + (i * Layout.patch + j) * layout.channelPitch)
          .update(from: projectedPixel(segment, y, x), count: layout.channelPitch)
      }
    }
  }
}
