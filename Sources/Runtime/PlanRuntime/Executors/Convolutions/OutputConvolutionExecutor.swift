import CKernels
import ExecutionPlan

/// The last feature map to three colours, plus the picture, which may be written over: a pixel of it is read just before its
/// own result is written.
final class OutputConvolutionExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: constants only; the binding is written before the threads start.
  private let kernels: UnsafePointer<evssm_kernels>
  private let picture: PictureBinding
  private let input: MapView
  private let weight: PackedMatrix
  private let tile: TileLayout
  private let tiles: RowTiles

  init(_ step: OutputConvolution, _ context: ExecutorContext) throws {
    kernels = context.kernels
    picture = context.picture
    input = context.map(step.input)
    weight = context.matrix(step.weight, columns: 3)
    tile = try step.tileLayout()
    tiles = RowTiles(width: picture.width)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    team.tiles(tiles.count(rows: picture.height), worker: worker) { index in
      let (row, start, end) = tiles.tile(index, rows: picture.height)
      let operand = scratch + tile.operand
      let rowPitch = (TileLayout.pixels + 2) * input.pitch
      for dy in 0..<3 { gather(row + dy - 1, start - 1, end + 1, into: operand + dy * rowPitch) }
      kernels.convolution(
        Operand(operand), rowPitch: rowPitch, side: 3, pitch: input.pitch, weight,
        into: scratch + tile.result, stride: Layout.lanes, rows: end - start)
      picture.store(row, start, end, from: scratch + tile.result)
    }
  }

  private func gather(_ row: Int, _ start: Int, _ end: Int, into out: Floats) {
    guard row >= 0, row < input.height else { return out.clear(pixels: end - start, pitch: input.pitch) }
    let first = max(start, 0)
    let last = min(end, input.width)
    out.clear(pixels: first - start, pitch: input.pitch)
    (out + (first - start) * input.pitch).update(from: input.pixel(row, first), count: (last - first) * input.pitch)
    (out + (last - start) * input.pitch).clear(pixels: end - last, pitch: input.pitch)
  }
}
