import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// A transposed convolution whose kernels do not overlap: stride and kernel of one size, without pads, one group.
  mutating func transposedConvolution(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.call.type == "ConvTranspose", node.call.integer("group", 1) == 1, let input = operand(node, 0),
      let weight = operand(node, 1), let shape = floatShape(input), let kernel = floatShape(weight),
      let target = floatShape(node.outputs[0]), shape.count == 4, !shape.contains(0),
      node.call.integers("strides") == [kernel[2], kernel[3]], node.call.integers("dilations") ?? [1, 1] == [1, 1],
      target == [shape[0], kernel[1], shape[2] * kernel[2], shape[3] * kernel[3]]
    else { return nil }
    let bias = operand(node, 2)
    let output = node.outputs[0]
    let name = node.name
    return ProgramSchedule.PlannedStep(
      inputs: [input, weight] + (bias.map { [$0] } ?? []), outputs: node.outputs
    ) { memory, kernels in
      TransposedConvolutionStep(
        name: name, input: shape, kernel: kernel,
        ConvolutionOperands(
          input: try memory.requiredFloats(input), weight: try memory.requiredFloats(weight),
          bias: try bias.map(memory.requiredFloats), output: try memory.requiredTarget(output)), kernels: kernels)
    }
  }
}

/// Every input pixel becomes a block of output pixels: a product of the transposed weights with pixels, spread out.
final class TransposedConvolutionStep: TensorStep, @unchecked Sendable {
  // Unchecked: the transposed weights are written behind a barrier before they are read.
  let name: String
  let operation = "ConvTranspose"
  private let input, kernel: [Int]
  private let operands: ConvolutionOperands
  private let kernels: UnsafePointer<evssm_kernels>
  private let rows: Int
  private let weights: Floats
  private static let panel = Int(EVSSM_PANEL)

  init(
    name: String, input: [Int], kernel: [Int], _ operands: ConvolutionOperands, kernels: UnsafePointer<evssm_kernels>
  ) {
    self.name = name
    self.input = input
    self.kernel = kernel
    self.operands = operands
    self.kernels = kernels
    rows = kernel[1] * kernel[2] * kernel[3]
    weights = .allocate(capacity: max(rows * input[1], 1))
  }

  deinit { weights.deallocate() }

  var scratchByteCount: Int { (input[1] + rows) * Self.panel * 4 }

  func run(worker: Int, team: Team, scratch: Floats) {
    let channels = input[1]
    let plane = input[2] * input[3]
    if worker == 0 {
      var transpose = evssm_transpose_args(
        in: operands.weight, in_stride: rows, out: weights, out_stride: channels, rows: channels, columns: rows)
      kernels.pointee.transpose(&transpose)
    }
    team.barrier()
    let parts = (plane + Self.panel - 1) / Self.panel
    team.tiles(input[0] * parts, worker: worker) { tile in
      let (n, part) = tile.quotientAndRemainder(dividingBy: parts)
      let start = part * Self.panel
      let count = min(Self.panel, plane - start)
      if count < Self.panel { scratch.update(repeating: 0, count: channels * Self.panel) }
      var copy = evssm_copy_args(
        in: operands.input + n * channels * plane + start, in_stride: plane, out: scratch, out_stride: Self.panel,
        rows: channels, count: count)
      kernels.pointee.copy_rows(&copy)
      let sums = scratch + channels * Self.panel
      var product = evssm_gemm_args(
        a: (ConstFloats(weights), nil, nil), a_stride: channels, segments: 1, segment_k: channels, b: scratch, bias: nil,
        c: sums, c_stride: Self.panel, addend: nil, addend_stride: 0, rows: rows, width: Self.panel,
        epilogue: EVSSM_EPILOGUE_STORE)
      kernels.pointee.gemm(&product)
      spread(sums, n, start, count)
    }
  }

  private func spread(_ sums: Floats, _ n: Int, _ start: Int, _ count: Int) {
    let (width, kh, kw) = (input[3], kernel[2], kernel[3])
    let outWidth = width * kw
    let outPlane = input[2] * kh * outWidth
    for o in 0..<kernel[1] {
      let bias = operands.bias?[o] ?? 0
      let target = operands.output + (n * kernel[1] + o) * outPlane
      for tap in 0..<kh * kw {
        let line = sums + (o * kh * kw + tap) * Self.panel
        for k in 0..<count {
          let (y, x) = (start + k).quotientAndRemainder(dividingBy: width)
          target[(y * kh + tap / kw) * outWidth + x * kw + tap % kw] = line[k] + bias
        }
      }
    }
  }
}
