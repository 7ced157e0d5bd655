import CKernels
import ExecutionPlan

/// Bilinear ×0.5 and a convolution.
final class HalveConvolutionExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: constants only.
  private let kernels: UnsafePointer<evssm_kernels>
  private let side: Int
  private let input: MapView
  private let output: MapView
  private let weight: PackedMatrix
  private let tile: TileLayout
  private let tiles: RowTiles

  init(_ step: HalveConvolution, _ context: ExecutorContext) throws {
    kernels = context.kernels
    side = step.kernelSide
    input = context.map(step.input)
    output = context.map(step.output)
    weight = context.matrix(step.weight, columns: step.outputChannels)
    tile = try step.tileLayout()
    tiles = RowTiles(width: output.width)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let halo = side / 2
    let rowPitch = (TileLayout.pixels + 2) * input.pitch
    team.tiles(tiles.count(rows: output.height), worker: worker) { index in
      let (row, start, end) = tiles.tile(index, rows: output.height)
      for dy in 0..<side { halve(row + dy - halo, start - halo, end + halo, into: scratch + dy * rowPitch) }
      let operand = kernels.rounded(scratch, count: side * rowPitch, into: scratch + tile.rounded, for: weight)
      kernels.convolution(
        operand, rowPitch: rowPitch, side: side, pitch: input.pitch, weight,
        into: output.pixel(row, start), stride: output.pitch, rows: end - start)
    }
  }

  /// Pixels `start..<end` of a row of the halved map, zeros outside it.
  private func halve(_ row: Int, _ start: Int, _ end: Int, into out: Floats) {
    guard row >= 0, row < output.height else { return out.clear(pixels: end - start, pitch: input.pitch) }
    let first = max(start, 0)
    let last = min(end, output.width)
    out.clear(pixels: first - start, pitch: input.pitch)
    var arguments = evssm_halve_args(
      top: input.pixel(2 * row, 2 * first), bottom: input.pixel(2 * row + 1, 2 * first), in_stride: input.pitch,
      out: out + (first - start) * input.pitch, out_stride: input.pitch, pixels: last - first, pitch: input.pitch)
    kernels.pointee.halve(&arguments)
    (out + (last - start) * input.pitch).clear(pixels: end - last, pitch: input.pitch)
  }
}
