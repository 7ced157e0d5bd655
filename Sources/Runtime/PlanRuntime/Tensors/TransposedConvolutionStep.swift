import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// A transposed convolution of planes.
  mutating func transposedConvolution(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.call.type == "ConvTranspose", let input = operand(node, 0), let weight = operand(node, 1),
      let shape = floatShape(input), let kernel = floatShape(weight), let target = floatShape(node.outputs[0]),
      shape.count == 4, kernel.count == 4, target.count == 4, !shape.contains(0), !kernel.contains(0),
      !target.contains(0),
      node.call.string("auto_pad", "NOTSET") == "NOTSET", node.call.attributes["output_shape"] == nil
    else { return nil }
    func pair(_ name: String, _ fallback: Int) -> (Int, Int) {
      let values = node.call.integers(name) ?? [fallback, fallback]
      return (values[0], values[1])
    }
    let geometry = SpreadGeometry(
      input: shape, kernel: kernel, output: target, groups: node.call.integer("group", 1), stride: pair("strides", 1),
      dilation: pair("dilations", 1), pad: pair("pads", 0))
    let bias = operand(node, 2)
    let output = node.outputs[0]
    let name = node.name
    return ProgramSchedule.PlannedStep(
      inputs: [input, weight] + (bias.map { [$0] } ?? []), outputs: node.outputs
    ) { memory, kernels in
      let operands = ConvolutionOperands(
        input: try memory.requiredFloats(input), weight: try memory.requiredFloats(weight),
        bias: try bias.map(memory.requiredFloats), output: try memory.requiredTarget(output))
      return geometry.isDisjoint
        ? DisjointSpreadStep(name: name, geometry, operands, kernels: kernels)
        : SpreadStep(name: name, geometry, operands, kernels: kernels)
    }
  }
}

/// The sizes of a transposed convolution.
struct SpreadGeometry {
  /// (N, C, H, W), (C, outputs a group, height, width) and (N, outputs, H, W).
  let input, kernel, output: [Int]
  let groups: Int
  let stride, dilation, pad: (Int, Int)

  var plane: Int { input[2] * input[3] }
  var outPlane: Int { output[2] * output[3] }
  var taps: Int { kernel[2] * kernel[3] }
  var channelsPerGroup: Int { input[1] / groups }
  var outputsPerGroup: Int { kernel[1] }

  /// Whether every output pixel belongs to one input pixel.
  var isDisjoint: Bool {
    groups == 1 && stride == (kernel[2], kernel[3]) && dilation == (1, 1) && pad == (0, 0)
      && output[2] == input[2] * kernel[2] && output[3] == input[3] * kernel[3]
  }
}

/// The weights of each group as rows (output, tap) of channels; filled by each run, as weights may be computed.
final class SpreadWeights: @unchecked Sendable {
  // Unchecked: written by one worker behind a barrier before they are read.
  let rows: Floats
  private let geometry: SpreadGeometry

  init(_ geometry: SpreadGeometry) {
    self.geometry = geometry
    rows = .allocate(capacity: geometry.kernel.reduce(1, *))
  }

  deinit { rows.deallocate() }

  func fill(_ weight: ConstFloats, _ kernels: UnsafePointer<evssm_kernels>) {
    let (channels, count) = (geometry.channelsPerGroup, geometry.outputsPerGroup * geometry.taps)
    for group in 0..<geometry.groups {
      var transpose = evssm_transpose_args(
        in: weight + group * channels * count, in_stride: count, out: rows + group * channels * count,
        out_stride: channels,
        rows: channels, columns: count)
      kernels.pointee.transpose(&transpose)
    }
  }
}

/// A product of weights with a panel of 48 pixels.
private func panelProduct(
  _ weights: Floats, _ rows: Int, _ channels: Int, _ input: ConstFloats, plane: Int, start: Int, count: Int,
  scratch: Floats,
  _ kernels: UnsafePointer<evssm_kernels>
) -> Floats {
  let panel = Int(EVSSM_PANEL)
  if count < panel { scratch.update(repeating: 0, count: channels * panel) }
  var copy = evssm_copy_args(
    in: input + start, in_stride: plane, out: scratch, out_stride: panel, rows: channels, count: count)
  kernels.pointee.copy_rows(&copy)
  let sums = scratch + channels * panel
  var product = evssm_gemm_args(
    a: (ConstFloats(weights), nil, nil), a_stride: channels, segments: 1, segment_k: channels, b: scratch, bias: nil,
    c: sums, c_stride: panel, addend: nil, addend_stride: 0, rows: rows, width: panel, epilogue: EVSSM_EPILOGUE_STORE)
  kernels.pointee.gemm(&product)
  return sums
}

/// Every input pixel becomes a block of output pixels: a product of the transposed weights with pixels, spread out.
final class DisjointSpreadStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants, and weights that are written behind a barrier.
  let name: String
  let operation = "ConvTranspose"
  private let geometry: SpreadGeometry
  private let operands: ConvolutionOperands
  private let kernels: UnsafePointer<evssm_kernels>
  private let weights: SpreadWeights
  private static let panel = Int(EVSSM_PANEL)

  init(name: String, _ geometry: SpreadGeometry, _ operands: ConvolutionOperands, kernels: UnsafePointer<evssm_kernels>)
  {
    self.name = name
    self.geometry = geometry
    self.operands = operands
    self.kernels = kernels
    weights = SpreadWeights(geometry)
  }

  private var rows: Int { geometry.outputsPerGroup * geometry.taps }
  var scratchByteCount: Int { (geometry.input[1] + rows) * Self.panel * 4 }

  func run(worker: Int, team: Team, scratch: Floats) {
    let (channels, plane) = (geometry.input[1], geometry.plane)
    if worker == 0 { weights.fill(operands.weight, kernels) }
    team.barrier()
    let parts = (plane + Self.panel - 1) / Self.panel
    team.tiles(geometry.input[0] * parts, worker: worker) { tile in
      let (n, part) = tile.quotientAndRemainder(dividingBy: parts)
      let start = part * Self.panel
      let count = min(Self.panel, plane - start)
      let sums = panelProduct(
        weights.rows, rows, channels, operands.input + n * channels * plane, plane: plane, start: start, count: count,
        scratch: scratch, kernels)
      spread(sums, n, start, count)
    }
  }

  private func spread(_ sums: Floats, _ n: Int, _ start: Int, _ count: Int) {
    let (width, kh, kw) = (geometry.input[3], geometry.kernel[2], geometry.kernel[3])
    for o in 0..<geometry.kernel[1] {
      let bias = operands.bias?[o] ?? 0
      let target = operands.output + (n * geometry.kernel[1] + o) * geometry.outPlane
      for tap in 0..<kh * kw {
        let line = sums + (o * kh * kw + tap) * Self.panel
        for k in 0..<count {
          let (y, x) = (start + k).quotientAndRemainder(dividingBy: width)
          target[(y * kh + tap / kw) * geometry.output[3] + x * kw + tap % kw] = line[k] + bias
        }
      }
    }
  }
}

/// Overlapping kernels: a tile has some output channels to itself, and adds every input pixel's kernel to them.
final class SpreadStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants, and weights that are written behind a barrier.
  let name: String
  let operation = "ConvTranspose, overlapping"
  private let geometry: SpreadGeometry
  private let operands: ConvolutionOperands
  private let kernels: UnsafePointer<evssm_kernels>
  private let weights: SpreadWeights
  /// Output channels of a tile.
  private let block: Int
  private static let panel = Int(EVSSM_PANEL)

  init(name: String, _ geometry: SpreadGeometry, _ operands: ConvolutionOperands, kernels: UnsafePointer<evssm_kernels>)
  {
    self.name = name
    self.geometry = geometry
    self.operands = operands
    self.kernels = kernels
    weights = SpreadWeights(geometry)
    // Enough rows for the product to be worth packing the pixels again, and some tiles a thread.
    block = max(1, min(max(1, 96 / geometry.taps), (geometry.outputsPerGroup + 3) / 4))
  }

  var scratchByteCount: Int { (geometry.channelsPerGroup + block * geometry.taps) * Self.panel * 4 }

  func run(worker: Int, team: Team, scratch: Floats) {
    if worker == 0 { weights.fill(operands.weight, kernels) }
    team.barrier()
    let parts = (geometry.outputsPerGroup + block - 1) / block
    team.tiles(geometry.input[0] * geometry.groups * parts, worker: worker) { tile in
      let (image, part) = tile.quotientAndRemainder(dividingBy: parts)
      let (n, group) = image.quotientAndRemainder(dividingBy: geometry.groups)
      let first = part * block
      channels(n, group, first, min(block, geometry.outputsPerGroup - first), scratch)
    }
  }

  private func channels(_ n: Int, _ group: Int, _ first: Int, _ count: Int, _ scratch: Floats) {
    let (channels, plane, taps) = (geometry.channelsPerGroup, geometry.plane, geometry.taps)
    let output = group * geometry.outputsPerGroup + first
    let target = operands.output + (n * geometry.output[1] + output) * geometry.outPlane
    for o in 0..<count {
      (target + o * geometry.outPlane).update(repeating: operands.bias?[output + o] ?? 0, count: geometry.outPlane)
    }
    let matrix = weights.rows + (group * geometry.outputsPerGroup + first) * taps * channels
    let input = operands.input + (n * geometry.input[1] + group * channels) * plane
    for start in Swift.stride(from: 0, to: plane, by: Self.panel) {
      let pixels = min(Self.panel, plane - start)
      let sums = panelProduct(
        matrix, count * taps, channels, input, plane: plane, start: start, count: pixels, scratch: scratch, kernels)
      for row in 0..<count * taps {
        add(sums + row * Self.panel, row % taps, start, pixels, target + row / taps * geometry.outPlane)
      }
    }
  }

  /// Adds one tap of the kernels of some pixels to a plane.
  private func add(_ line: Floats, _ tap: Int, _ start: Int, _ pixels: Int, _ plane: Floats) {
    let width = geometry.input[3]
    let (tapY, tapX) = tap.quotientAndRemainder(dividingBy: geometry.kernel[3])
    let offsetX = tapX * geometry.dilation.1 - geometry.pad.1
    var done = 0
    while done < pixels {
      // Pixels of one row.
      let (y, x) = (start + done).quotientAndRemainder(dividingBy: width)
      let run = min(pixels - done, width - x)
      let outY = y * geometry.stride.0 + tapY * geometry.dilation.0 - geometry.pad.0
      if outY >= 0, outY < geometry.output[2] {
        let row = plane + outY * geometry.output[3]
        for k in 0..<run {
          let outX = (x + k) * geometry.stride.1 + offsetX
          if outX >= 0, outX < geometry.output[3] { row[outX] += line[done + k] }
        }
      }
      done += run
    }
  }
}
