import CKernels
import ExecutionPlan

/// Zeroes `count` pixels.
private func clear(_ pixels: Floats, _ count: Int, pitch: Int) { pixels.update(repeating: 0, count: count * pitch) }

/// The picture into the first feature map.
final class PictureConvolutionExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: constants only; the binding is written before the threads start.
  private let kernels: UnsafePointer<evssm_kernels>
  private let picture: PictureBinding
  private let output: MapView
  private let weight: PackedMatrix
  private let tiles: RowTiles

  init(picture: PictureBinding, output: MapView, weight: PackedMatrix, kernels: UnsafePointer<evssm_kernels>) {
    self.kernels = kernels
    self.picture = picture
    self.output = output
    self.weight = weight
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

  init(
    _ step: OutputConvolution, picture: PictureBinding, input: MapView, weight: PackedMatrix,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    self.kernels = kernels
    self.picture = picture
    self.input = input
    self.weight = weight
    tile = try TileLayout(.outputConvolution(step))
    tiles = RowTiles(width: picture.width)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    team.tiles(tiles.count(rows: picture.height), worker: worker) { index in
      let (row, start, end) = tiles.tile(index, rows: picture.height)
      let operand = scratch + tile.operand
      let rowPitch = (Operation.tilePixels + 2) * input.pitch
      for dy in 0..<3 { gather(row + dy - 1, start - 1, end + 1, into: operand + dy * rowPitch) }
      kernels.convolution(
        Operand(operand), rowPitch: rowPitch, side: 3, pitch: input.pitch, weight,
        into: scratch + tile.result, stride: Layout.lanes, rows: end - start)
      picture.store(row, start, end, from: scratch + tile.result)
    }
  }

  private func gather(_ row: Int, _ start: Int, _ end: Int, into out: Floats) {
    guard row >= 0, row < input.height else { return clear(out, end - start, pitch: input.pitch) }
    let first = max(start, 0)
    let last = min(end, input.width)
    clear(out, first - start, pitch: input.pitch)
    (out + (first - start) * input.pitch).update(from: input.pixel(row, first), count: (last - first) * input.pitch)
    clear(out + (last - start) * input.pitch, end - last, pitch: input.pitch)
  }
}

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

  init(
    _ step: HalveConvolution, input: MapView, output: MapView, weight: PackedMatrix,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    tile = try TileLayout(.halveConvolution(step))
    self.kernels = kernels
    side = step.kernelSide
    self.input = input
    self.output = output
    self.weight = weight
    tiles = RowTiles(width: output.width)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let halo = side / 2
    let rowPitch = (Operation.tilePixels + 2) * input.pitch
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
    guard row >= 0, row < output.height else { return clear(out, end - start, pitch: input.pitch) }
    let first = max(start, 0)
    let last = min(end, output.width)
    clear(out, first - start, pitch: input.pitch)
    var arguments = evssm_halve_args(
      top: input.pixel(2 * row, 2 * first), bottom: input.pixel(2 * row + 1, 2 * first), in_stride: input.pitch,
      out: out + (first - start) * input.pitch, out_stride: input.pitch, pixels: last - first, pitch: input.pitch)
    kernels.pointee.halve(&arguments)
    clear(out + (last - start) * input.pitch, end - last, pitch: input.pitch)
  }
}

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

  init(
    _ step: DoubleConvolution, input: MapView, skip: MapView, output: MapView, weight: PackedMatrix,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    tile = try TileLayout(.doubleConvolution(step))
    self.kernels = kernels
    side = step.kernelSide
    self.input = input
    self.skip = skip
    self.output = output
    self.weight = weight
    // Tiles are cut between pairs of pixels, in units of the input's columns.
    tiles = RowTiles(width: input.width)
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let halo = side / 2
    let rowPitch = (Operation.tilePixels + 4) * input.pitch
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
    guard row >= 0, row < output.height else { return clear(out, 2 * (end - start) + 4, pitch: input.pitch) }
    let near = row / 2
    let far = min(max(row % 2 == 0 ? near - 1 : near + 1, 0), input.height - 1)
    let first = max(start - 1, 0)
    let last = min(end + 1, input.width)
    if start == 0 { clear(out, 2, pitch: input.pitch) }
    if end == input.width { clear(out + (2 * (end - start) + 2) * input.pitch, 2, pitch: input.pitch) }
    var arguments = evssm_double_args(
      near_row: input.pixel(near, first), far_row: input.pixel(far, first), near_weight: 0.75, in_stride: input.pitch,
      out: out + (2 * (first - start) + 2) * input.pitch, out_stride: input.pitch, pixels: last - first,
      pitch: input.pitch)
    kernels.pointee.double_row(&arguments)
  }
}
