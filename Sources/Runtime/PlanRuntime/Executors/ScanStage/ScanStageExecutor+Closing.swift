import CKernels
import ExecutionPlan

extension ScanStageExecutor {
  /// Rows of the window that the scanned positions touch, counted from the strip's first row; the first and the last
  /// may be partial.
  func closingRows(_ strip: Strip) -> Range<Int> {
    (strip.scanStart < 0 ? -1 : 0)..<((strip.scanEnd + layout.columns.length - 1) / layout.columns.length)
  }

  /// Columns of a row, counted from the strip's first.
  struct Span {
    let row: Int
    let columns: Range<Int>
  }

  /// What of one tile of ``closingRows(_:)`` is scanned with the strip; empty where the row is beyond it.
  func scanned(_ strip: Strip, _ index: Int) -> Span {
    let rows = closingRows(strip)
    let (offset, start, end) = tiles.tile(index, rows: rows.count)
    return scanned(strip, rows.lowerBound + offset, start, end)
  }

  /// What of columns of a row is scanned with the strip.
  func scanned(_ strip: Strip, _ row: Int, _ start: Int, _ end: Int) -> Span {
    let first = row * layout.columns.length
    let lowest = max(start, strip.scanStart - first)
    return Span(row: row, columns: lowest..<max(lowest, min(end, strip.scanEnd - first)))
  }

  /// Layer norm for one tile of a row, as far as its positions are scanned; gate, out_proj and residual for its pixels that no later
  /// window covers.
  func close(_ strip: Strip, _ index: Int, _ scratch: Floats) {
    let span = scanned(strip, index)
    guard !span.columns.isEmpty else { return }
    let start = span.columns.lowerBound
    let y = half(of: start).sequence(strip.index, span.row, start)
    var norm = evssm_layer_norm_args(
      y: y, stride: layout.innerPitch, pixels: span.columns.count, channels: stage.inner, weight: weights.normWeight,
      bias: weights.normBias, epsilon: stage.layerNormEpsilon)
    kernels.pointee.layer_norm(&norm)
    let (row, column) = (strip.window.top + strip.firstRow + span.row, strip.window.left + start)
    let pixels = average(y, row, column..<column + span.columns.count, strip.window, scratch)
    if pixels > 0 { project(y, row, column, pixels, scratch) }
  }

  /// Gate, out_proj and residual for pixels of a row of the frame.
  private func project(_ y: Floats, _ row: Int, _ column: Int, _ pixels: Int, _ scratch: Floats) {
    let pitch = layout.innerPitch
    let operand = Operand(scratch + tile.operand)
    normalise(row, column, pixels, into: operand, for: weights.inProjectionZ)
    let channelPitch = Layout.pitch(stage.channels)
    let gated = kernels.gatedProduct(
      operand, stride: channelPitch, inner: stage.channels, weights.inProjectionZ, gating: y, stride: pitch,
      rounded: scratch + tile.rounded, rows: pixels)
    kernels.product(
      gated, stride: pitch, inner: stage.inner, weights.outProjection, into: scratch + tile.result,
      stride: channelPitch,
      rows: pixels)
    let offset = view.offset(row, column)
    var arguments = evssm_blend_args(
      in: scratch + tile.result, in_stride: channelPitch, addend: input + offset, addend_stride: view.columnStride,
      out: output + offset, out_stride: view.columnStride, scale: nil, pixels: pixels, pitch: channelPitch)
    kernels.pointee.blend(&arguments)
  }

  /// Averages y where windows overlap: adds a window's weighted share to those of earlier windows, and keeps the sum where later ones
  /// are to come. Returns the number of pixels, from the first, that are complete.
  private func average(_ y: Floats, _ row: Int, _ columns: Range<Int>, _ window: Window, _ scratch: Floats) -> Int {
    let isCovered = (
      before: row < layout.rows.coveredBefore(window.row), after: row >= layout.rows.coveredFrom(window.row)
    )
    let before = min(max(layout.columns.coveredBefore(window.column), columns.lowerBound), columns.upperBound)
    let after = min(max(layout.columns.coveredFrom(window.column), columns.lowerBound), columns.upperBound)
    let edges = (min(before, after), max(before, after))
    for part in [columns.lowerBound..<edges.0, edges.0..<edges.1, edges.1..<columns.upperBound] where !part.isEmpty {
      let isShared = (before: part.lowerBound < before, after: part.lowerBound >= after)
      let windows = (isCovered.before || isCovered.after ? 2 : 1) * (isShared.before || isShared.after ? 2 : 1)
      if windows == 1 { continue }
      let sums =
        shared + layout.innerPitch
        * layout.overlaps.place(
          row: row, column: part.lowerBound, rowIndex: window.row, columnIndex: window.column)
      add(
        y + (part.lowerBound - columns.lowerBound) * layout.innerPitch, part.count, weight: 1 / Float(windows), sums,
        isFirst: !(isCovered.before || isShared.before), isLast: !(isCovered.after || isShared.after), scratch)
    }
    return isCovered.after ? 0 : after - columns.lowerBound
  }

  /// Adds pixels of y, weighted, to their sums; what is complete replaces y.
  private func add(
    _ y: Floats, _ pixels: Int, weight: Float, _ sums: Floats, isFirst: Bool, isLast: Bool, _ scratch: Floats
  ) {
    let weights = scratch + tile.pixelScale
    weights.update(repeating: weight, count: pixels)
    let pitch = layout.innerPitch
    var arguments = evssm_blend_args(
      in: y, in_stride: pitch, addend: isFirst ? nil : ConstFloats(sums), addend_stride: pitch, out: isLast ? y : sums,
      out_stride: pitch, scale: weights, pixels: pixels, pitch: pitch)
    kernels.pointee.blend(&arguments)
  }
}
