import CKernels
import ExecutionPlan

extension ScanStageExecutor {
  /// Normalises a tile of one row of the window and multiplies it by the x half of in_proj.
  func expand(_ strip: Strip, _ index: Int, _ scratch: Floats) {
    let rows = rowsToExpand(strip)
    let (offset, start, end) = tiles.tile(index, rows: rows.count)
    let row = rows.lowerBound + offset
    let pitch = layout.innerPitch
    let target = ring(row)
    if start == 0 { (target - pitch).update(repeating: 0, count: pitch) }
    if end == layout.columns.length { (target + end * pitch).update(repeating: 0, count: pitch) }
    guard row >= 0, row < layout.rows.length else {
      (target + start * pitch).update(repeating: 0, count: (end - start) * pitch)
      return
    }
    let operand = Operand(scratch + tile.operand)
    normalise(strip.window.top + row, strip.window.left + start, end - start, into: operand, for: weights.inProjectionX)
    kernels.product(
      operand, stride: Layout.pitch(stage.channels), inner: stage.channels, weights.inProjectionX,
      into: target + start * pitch, stride: pitch, rows: end - start)
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
    let pitch = layout.innerPitch
    let position = row * layout.columns.length + start
    let at = strip.firstRow + row
    if index == 0 { takeOver(strip) }
    let u = sequence(strip.index) + position * pitch
    var arguments = evssm_depthwise_args(
      row: (
        ConstFloats(ring(at - 1) + start * pitch), ConstFloats(ring(at) + start * pitch),
        ConstFloats(ring(at + 1) + start * pitch)
      ), row_stride: pitch,
      weight: weights.convolution, bias: weights.convolutionBias, out: u, out_stride: pitch, pixels: end - start,
      pitch: pitch)
    if isReduced {
      kernels.pointee.depthwise_gelu_reduced(&arguments)
    } else {
      kernels.pointee.depthwise_gelu(&arguments)
    }
    kernels.product(
      Operand(u), stride: pitch, inner: stage.inner, weights.xProjection,
      into: parameters(strip.index) + position * layout.parameterPitch, stride: layout.parameterPitch, rows: end - start)
  }

  /// What lies in front of the strip's positions and behind the window's last: of the strip before, the positions not
  /// yet scanned and the parameters that the taps look back to; at the window's ends zeros, as the taps' padding.
  private func takeOver(_ strip: Strip) {
    let lag = ScanStageLayout.lag
    let (inner, pitch) = (layout.innerPitch, layout.parameterPitch)
    let own = parameters(strip.index)
    if strip.isFirst {
      (own - 2 * lag * pitch).update(repeating: 0, count: 2 * lag * pitch)
    } else {
      let end = layout.stripRows * layout.columns.length
      (own - 2 * lag * pitch).update(
        from: parameters(strip.index - 1) + (end - 2 * lag) * pitch, count: 2 * lag * pitch)
      (sequence(strip.index) - lag * inner).update(
        from: sequence(strip.index - 1) + (end - lag) * inner, count: lag * inner)
    }
    if strip.isLast {
      (own + strip.rows * layout.columns.length * pitch).update(repeating: 0, count: lag * pitch)
    }
  }

  /// The taps along the scan order for one tile of a row, as far as its positions are scanned with the strip.
  func convolve(_ strip: Strip, _ index: Int) {
    let span = scanned(strip, index)
    guard !span.isEmpty else { return }
    let pitch = layout.parameterPitch
    let start = span.lowerBound
    var arguments = evssm_taps_args(
      in: parameters(strip.index) + start * pitch, in_stride: pitch, out: convolved + start * pitch, out_stride: pitch,
      weight: weights.taps, bias: weights.tapsBias, positions: span.count, pitch: pitch)
    kernels.pointee.taps(&arguments)
  }

  /// The recurrence over the strip's positions for one group of channels; y replaces u.
  func scan(_ strip: Strip, _ group: Int) {
    let pitch = layout.innerPitch
    let first = group * Layout.lanes
    if strip.isFirst {
      for n in 0..<Layout.states { (state + n * pitch + first).update(repeating: 0, count: Layout.lanes) }
    }
    let positions = sequence(strip.index) + strip.scanStart * pitch
    var arguments = evssm_scan_args(
      u: positions, u_stride: pitch, y: positions, y_stride: pitch,
      parameters: convolved + strip.scanStart * layout.parameterPitch, parameters_stride: layout.parameterPitch,
      dt_weight: weights.dtProjection, dt_bias: weights.dtBias, a: weights.decay, d: weights.skip, state: state,
      positions: strip.scanEnd - strip.scanStart, rank: stage.rank, pitch: pitch, first: first, count: Layout.lanes)
    if isReduced {
      kernels.pointee.scan_reduced(&arguments)
    } else {
      kernels.pointee.scan(&arguments)
    }
  }
}
