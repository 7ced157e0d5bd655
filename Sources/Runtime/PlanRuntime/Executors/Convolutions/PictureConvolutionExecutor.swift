import CKernels
import ExecutionPlan

/// The picture into the first feature map.
final class PictureConvolutionExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: constants only; the binding is written before the threads start.
  private let kernels: UnsafePointer<evssm_kernels>
  private let picture: PictureBinding
  private let output: MapView
  private let weight: PackedMatrix
  private let tiles: RowTiles

  init(_ step: PictureConvolution, _ context: ExecutorContext) {
    kernels = context.kernels
    picture = context.picture
    output = context.map(step.output)
    weight = context.matrix(step.weight, columns: step.channels)
    tiles = RowTiles(width: output.width)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    team.tiles(tiles.count(rows: output.height), worker: worker) { index in
      let (row, start, end) = tiles.tile(index, rows: output.height)
      gather(row, start, end, into: scratch)
      kernels.product(
        Operand(scratch), stride: 27, inner: 27, weight, into: output.pixel(row, start), stride: output.pitch,
        rows: end - start)
    }
  }

  private func gather(_ row: Int, _ start: Int, _ end: Int, into out: Floats) {
    switch picture.content {
    case .planes(let input, _): gather(picture.values(of: input), row, start, end, into: out)
    case .samples(let samples): gather(picture.values(of: samples), row, start, end, into: out)
    case nil: return
    }
  }

  /// The 27 values that each pixel's convolution reads: zeros beyond the padded picture, reflections beyond the
  /// picture.
  @inline(__always)
  private func gather(_ source: some PictureValues, _ row: Int, _ start: Int, _ end: Int, into out: Floats) {
    for dy in 0..<3 {
      let y = row + dy - 1
      let line = PictureBinding.reflect(max(y, 0), picture.height) * picture.width
      for x in start..<end {
        for dx in 0..<3 {
          let target = out + (x - start) * 27 + 9 * dy + 3 * dx
          let column = x + dx - 1
          let isInside = y >= 0 && y < output.height && column >= 0 && column < output.width
          let pixel = line + PictureBinding.reflect(max(column, 0), picture.width)
          for colour in 0..<3 { target[colour] = isInside ? source.value(pixel, colour) : 0 }
        }
      }
    }
  }
}
