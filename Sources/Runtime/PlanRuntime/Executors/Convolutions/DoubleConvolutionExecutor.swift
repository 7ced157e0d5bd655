import CKernels
import ExecutionPlan

/// Bilinear ×2, a convolution, and the skip map.
final class DoubleConvolutionExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: constants only.
  private let kernels: UnsafePointer<evssm_kernels>
  private let side: Int
  private let input: MapView
  private let skip: MapView
  private let output: MapView
  private let weight: PackedMatrix
  private let tile: TileLayout
  private let tiles: RowTiles

  init(_ step: DoubleConvolution, _ context: ExecutorContext) throws {
    kernels = context.kernels
    side = step.kernelSide
    input = context.map(step.input)
    skip = context.map(step.skip)
    output = context.map(step.output)
    weight = context.matrix(step.weight, columns: step.outputChannels)
    tile = try step.tileLayout()
    // Tiles are cut between pairs of pixels, in units of the input's columns.
    tiles = RowTiles(width: input.width)
  }

  /// The executor of the order of work that the step asks for.
  static func executor(_ step: DoubleConvolution, _ context: ExecutorContext) throws -> any StepExecutor {
    guard let columns = step.panelColumns else { return try DoubleConvolutionExecutor(step, context) }
    return try ProductDoubleExecutor(step, panelColumns: columns, context)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let halo = side / 2
    let rowPitch = (TileLayout.pixels + 4) * input.pitch
    let parts = tiles.tilesPerRow * 2
    team.tiles(output.height * parts, worker: worker) { index in
      let (row, part) = index.quotientAndRemainder(dividingBy: parts)
      let start = part * input.width / parts
      let end = (part + 1) * input.width / parts
      guard start < end else { return }
      for dy in 0..<side { double(row + dy - halo, start, end, into: scratch + dy * rowPitch) }
      // The gathered rows start two pixels before the tile.
      let operand = kernels.rounded(scratch, count: side * rowPitch, into: scratch + tile.rounded, for: weight)
      let at = weight.advance(operand, by: (2 - halo) * input.pitch)
      let target = output.pixel(row, 2 * start)
      kernels.convolution(
        at, rowPitch: rowPitch, side: side, pitch: input.pitch, weight, into: target,
        stride: output.pitch, rows: 2 * (end - start), addend: skip.pixel(row, 2 * start))
    }
  }

  /// Pixels 2·start − 2 ..< 2·end + 2 of a row of the doubled map, zeros outside it. The outermost two are not exact
  /// and not read.
  private func double(_ row: Int, _ start: Int, _ end: Int, into out: Floats) {
    guard row >= 0, row < output.height else { return out.clear(pixels: 2 * (end - start) + 4, pitch: input.pitch) }
    let near = row / 2
    let far = min(max(row % 2 == 0 ? near - 1 : near + 1, 0), input.height - 1)
    let first = max(start - 1, 0)
    let last = min(end + 1, input.width)
    if start == 0 { out.clear(pixels: 2, pitch: input.pitch) }
    if end == input.width { (out + (2 * (end - start) + 2) * input.pitch).clear(pixels: 2, pitch: input.pitch) }
    var arguments = evssm_double_args(
      near_row: input.pixel(near, first), far_row: input.pixel(far, first), near_weight: 0.75, in_stride: input.pitch,
      out: out + (2 * (first - start) + 2) * input.pitch, out_stride: input.pitch, pixels: last - first,
      pitch: input.pitch)
    kernels.pointee.double_row(&arguments)
  }
}
