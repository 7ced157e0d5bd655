import CKernels
import ExecutionPlan

extension ScanStageExecutor {
  /// Normalises a tile of one row of the window and multiplies it by the x half of in_proj.
  func expand(_ strip: Strip, _ index: Int, _ scratch: Floats) {
    let rows = rowsToExpand(strip)
    let (offset, start, end) = tiles.tile(index, rows: rows.count)
    let row = rows.lowerBound + offset
    let half = half(of: start)
    let pitch = layout.innerPitch
    let target = half.ring(row, start)
    guard row >= 0, row < layout.rows.length else {
      let (from, to) = (start == half.start ? start - 1 : start, end == half.end ? end + 1 : end)
      half.ring(row, from).update(repeating: 0, count: (to - from) * pitch)
      return
    }
    if start == 0 { (target - pitch).update(repeating: 0, count: pitch) }
    if end == layout.columns.length { half.ring(row, end).update(repeating: 0, count: pitch) }
    let operand = Operand(scratch + tile.operand)
    normalise(strip.window.top + row, strip.window.left + start, end - start, into: operand, for: weights.inProjectionX)
    kernels.product(
      operand, stride: Layout.pitch(stage.channels), inner: stage.channels, weights.inProjectionX, into: target,
      stride: pitch,
      rows: end - start)
    // The pixels on both sides of the seam are the other half's halo.
    if end == second.start { second.ring(row, end - 1).update(from: half.ring(row, end - 1), count: pitch) }
    if start == second.start, start > 0 { first.ring(row, start).update(from: target, count: pitch) }
  }

  /// Writes pixels of one row of the frame, scaled to a mean square of one, side by side, as `matrix` reads them.
  func normalise(_ row: Int, _ column: Int, _ pixels: Int, into out: Operand, for matrix: PackedMatrix) {
    kernels.rmsNorm(
      input + view.offset(row, column), stride: view.columnStride, into: out, for: matrix,
      pitch: Layout.pitch(stage.channels), pixels: pixels, channels: stage.channels, epsilon: stage.rmsEpsilon)
  }

  /// Depthwise convolution, GELU and x_proj for a tile of one row.
  func mix(_ strip: Strip, _ index: Int) {
    let (row, start, end) = tiles.tile(index, rows: strip.rows)
    let half = half(of: start)
    let pitch = layout.innerPitch
    let at = strip.firstRow + row
    if index == tiles.count(rows: strip.rows) - 1 { takeOver(strip) }
    let u = half.sequence(strip.index, row, start)
    var arguments = evssm_depthwise_args(
      row: (
        ConstFloats(half.ring(at - 1, start)), ConstFloats(half.ring(at, start)), ConstFloats(half.ring(at + 1, start))
      ), row_stride: pitch, weight: weights.convolution, bias: weights.convolutionBias, out: u, out_stride: pitch,
      pixels: end - start, pitch: pitch)
    if isReduced {
      kernels.pointee.depthwise_gelu_reduced(&arguments)
    } else {
      kernels.pointee.depthwise_gelu(&arguments)
    }
    kernels.product(
      Operand(u), stride: pitch, inner: stage.inner, weights.xProjection,
      into: half.parameters(strip.index, row, start),
      stride: layout.parameterPitch, rows: end - start)
    let (before, behind) = neighbours(strip, row, start, end)
    let count = ScanStageLayout.lag * layout.parameterPitch
    before?.update(from: half.parameters(strip.index, row, start), count: count)
    behind?.update(from: half.parameters(strip.index, row, end - ScanStageLayout.lag), count: count)
  }

  /// The halos that a tile's first and last parameters are copied to: those of the halves that stand before and behind it in the
  /// scan order.
  private func neighbours(_ strip: Strip, _ row: Int, _ start: Int, _ end: Int) -> (before: Floats?, behind: Floats?) {
    let half = half(of: start)
    var (before, behind): (Floats?, Floats?)
    if start == half.start {
      before =
        start == 0 ? second.parameters(strip.index, row - 1, second.end) : first.parameters(strip.index, row, start)
    }
    let last = end - ScanStageLayout.lag
    if end < layout.columns.length, end == half.end {
      behind = second.parameters(strip.index, row, last)
    } else if end == layout.columns.length, row + 1 < strip.rows {
      behind = first.parameters(strip.index, row + 1, -ScanStageLayout.lag)
    }
    return (before, behind)
  }

  /// What lies in front of the strip's positions and behind the window's last: of the strip before, the positions not
  /// yet scanned and the parameters that the taps look back to; at the window's ends zeros, as the taps' padding.
  private func takeOver(_ strip: Strip) {
    let lag = ScanStageLayout.lag
    let (width, pitch) = (layout.columns.length, layout.parameterPitch)
    let front = first.parameters(strip.index, 0, -lag)
    if strip.isFirst {
      front.update(repeating: 0, count: lag * pitch)
    } else {
      let (before, row) = (strip.index - 1, layout.stripRows - 1)
      front.update(from: second.parameters(before, row, width - lag), count: lag * pitch)
      second.parameters(strip.index, -1, width - 2 * lag).update(
        from: second.parameters(before, row, width - 2 * lag), count: 2 * lag * pitch)
      second.sequence(strip.index, -1, width - lag).update(
        from: second.sequence(before, row, width - lag), count: lag * layout.innerPitch)
    }
    if strip.isLast { second.parameters(strip.index, strip.rows - 1, width).update(repeating: 0, count: lag * pitch) }
  }

  /// The taps along the scan order for one tile of a row, as far as its positions are scanned with the strip.
  func convolve(_ strip: Strip, _ index: Int) {
    let span = scanned(strip, index)
    guard !span.columns.isEmpty else { return }
    let pitch = layout.parameterPitch
    let start = span.columns.lowerBound
    let half = half(of: start)
    var arguments = evssm_taps_args(
      in: half.parameters(strip.index, span.row, start), in_stride: pitch, out: half.convolved(span.row, start),
      out_stride: pitch, weight: weights.taps, bias: weights.tapsBias, positions: span.columns.count, pitch: pitch)
    kernels.pointee.taps(&arguments)
  }
}
