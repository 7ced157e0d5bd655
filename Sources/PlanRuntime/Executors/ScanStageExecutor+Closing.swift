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

  /// Layer norm, gate, out_proj and residual for one tile of a row, as far as its positions are scanned.
  func close(_ strip: Strip, _ index: Int, _ scratch: Floats) {
    let span = scanned(strip, index)
    guard !span.columns.isEmpty else { return }
    let start = span.columns.lowerBound
    let pitch = layout.innerPitch
    let y = half(of: start).sequence(strip.index, span.row, start)
    let pixels = span.columns.count
    var norm = evssm_layer_norm_args(
      y: y, stride: pitch, pixels: pixels, channels: stage.inner, weight: weights.normWeight, bias: weights.normBias,
      epsilon: stage.layerNormEpsilon)
    kernels.pointee.layer_norm(&norm)
    let frameRow = strip.window.top + strip.firstRow + span.row
    let operand = Operand(scratch + tile.operand)
    normalise(frameRow, strip.window.left + start, pixels, into: operand, for: weights.inProjectionZ)
    let channelPitch = Layout.pitch(stage.channels)
    let gated = kernels.gatedProduct(
      operand, stride: channelPitch, inner: stage.channels, weights.inProjectionZ, gating: y, stride: pitch,
      rounded: scratch + tile.rounded, rows: pixels)
    kernels.product(
      gated, stride: pitch, inner: stage.inner, weights.outProjection, into: scratch + tile.result, stride: channelPitch,
      rows: pixels)
    addResidual(strip.window, frameRow, strip.window.left + start, pixels, scratch)
  }

  /// Adds the tile's result to the map, weighted where windows overlap: to the input where this window is the first
  /// that covers a pixel, else to what earlier windows left in the output.
  private func addResidual(_ window: Window, _ row: Int, _ column: Int, _ pixels: Int, _ scratch: Floats) {
    let scale = weigh(row, column, pixels, scratch + tile.pixelScale)
    let rowIsCovered = row < layout.rows.coveredBefore(window.row)
    let covered = rowIsCovered ? pixels : max(0, min(layout.columns.coveredBefore(window.column) - column, pixels))
    blend(row, column, 0..<covered, scale, from: output, scratch)
    blend(row, column, covered..<pixels, scale, from: input, scratch)
  }

  private func blend(
    _ row: Int, _ column: Int, _ range: Range<Int>, _ scale: Floats?, from addend: Floats, _ scratch: Floats
  ) {
    guard !range.isEmpty else { return }
    let pitch = Layout.pitch(stage.channels)
    let offset = view.offset(row, column + range.lowerBound)
    var arguments = evssm_blend_args(
      in: scratch + tile.result + range.lowerBound * pitch, in_stride: pitch, addend: addend + offset,
      addend_stride: view.columnStride, out: output + offset, out_stride: view.columnStride,
      scale: scale.map { ConstFloats($0 + range.lowerBound) }, pixels: range.count, pitch: pitch)
    kernels.pointee.blend(&arguments)
  }

  /// One over the number of windows that cover each pixel; nil where there is one window in all.
  private func weigh(_ row: Int, _ column: Int, _ pixels: Int, _ out: Floats) -> Floats? {
    if layout.rows.starts.count == 1 && layout.columns.starts.count == 1 { return nil }
    let rowCoverage = layout.rows.coverage(of: row)
    for i in 0..<pixels { out[i] = 1 / Float(rowCoverage * layout.columns.coverage(of: column + i)) }
    return out
  }
}
