import CKernels
import PrimitiveOperators
import Tensors

/// The sizes of a convolution over planes; one-dimensional ones have a height of 1.
struct ConvolutionGeometry {
  let batch, channels, height, width: Int
  let outputs, outHeight, outWidth: Int
  let groups: Int
  let kernel: (height: Int, width: Int)
  let stride: (height: Int, width: Int)
  let dilation: (height: Int, width: Int)
  /// Pads above and to the left.
  let pad: (height: Int, width: Int)

  var plane: Int { height * width }
  var outPlane: Int { outHeight * outWidth }
  var inputsPerGroup: Int { channels / groups }
  var outputsPerGroup: Int { outputs / groups }
  var taps: Int { kernel.height * kernel.width }
  var isPointwise: Bool { taps == 1 && stride == (1, 1) && pad == (0, 0) && outHeight == height && outWidth == width }
}

extension StepPlanner {
  /// The geometry of a convolution of one or two spatial axes with known sizes.
  func geometry(_ call: PrimitiveCall, _ input: [Int], _ weight: [Int], _ output: [Int]) -> ConvolutionGeometry? {
    let rank = input.count - 2
    guard rank == 1 || rank == 2, weight.count == input.count, output.count == input.count, !input.contains(0),
      !output.contains(0)
    else { return nil }
    func pair(_ values: [Int]?, _ fallback: Int) -> (height: Int, width: Int) {
      let all = values ?? Array(repeating: fallback, count: rank)
      return rank == 1 ? (fallback, all[0]) : (all[0], all[1])
    }
    let kernel = rank == 1 ? (height: 1, width: weight[2]) : (height: weight[2], width: weight[3])
    let stride = pair(call.integers("strides"), 1)
    let dilation = pair(call.integers("dilations"), 1)
    let size = rank == 1 ? (height: 1, width: input[2]) : (height: input[2], width: input[3])
    let out = rank == 1 ? (height: 1, width: output[2]) : (height: output[2], width: output[3])
    let pads = call.integers("pads") ?? Array(repeating: 0, count: 2 * rank)
    var pad = rank == 1 ? (height: 0, width: pads[0]) : (height: pads[0], width: pads[1])
    let mode = call.string("auto_pad", "NOTSET")
    if mode == "VALID" { pad = (0, 0) }
    if mode.hasPrefix("SAME") {
      func total(_ size: Int, _ out: Int, _ stride: Int, _ kernel: Int, _ dilation: Int) -> Int {
        let all = max(0, (out - 1) * stride + (kernel - 1) * dilation + 1 - size)
        return mode == "SAME_UPPER" ? all / 2 : (all + 1) / 2
      }
      pad = (
        total(size.height, out.height, stride.height, kernel.height, dilation.height),
        total(size.width, out.width, stride.width, kernel.width, dilation.width)
      )
    }
    return ConvolutionGeometry(
      batch: input[0], channels: input[1], height: size.height, width: size.width, outputs: output[1],
      outHeight: out.height, outWidth: out.width, groups: call.integer("group", 1), kernel: kernel, stride: stride,
      dilation: dilation, pad: pad)
  }

  mutating func convolution(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.call.type == "Conv", let input = operand(node, 0), let weight = operand(node, 1),
      let shape = floatShape(input), let weightShape = floatShape(weight), let target = floatShape(node.outputs[0]),
      let geometry = geometry(node.call, shape, weightShape, target)
    else { return nil }
    let bias = operand(node, 2)
    let output = node.outputs[0]
    let name = node.name
    let operands = [input, weight] + (bias.map { [$0] } ?? [])
    let isDepthwise =
      geometry.inputsPerGroup == 1 && geometry.outputsPerGroup <= 2
      && geometry.kernel.height <= Int(EVSSM_WINDOW_ROWS)
    return ProgramSchedule.PlannedStep(inputs: operands, outputs: node.outputs) { memory, kernels in
      let pointers = ConvolutionOperands(
        input: try memory.requiredFloats(input), weight: try memory.requiredFloats(weight),
        bias: try bias.map(memory.requiredFloats), output: try memory.requiredTarget(output))
      return isDepthwise
        ? DepthwiseStep(name: name, geometry, pointers, kernels: kernels)
        : try ConvolutionStep(name: name, geometry, pointers, kernels: kernels)
    }
  }
}

struct ConvolutionOperands {
  let input, weight: ConstFloats
  let bias: ConstFloats?
  let output: Floats
}

/// A convolution as a matrix product: the windows of a few pixels become columns of a packed matrix, in panels, and the
/// weights multiply them.
final class ConvolutionStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation = "Conv"
  private let geometry: ConvolutionGeometry
  private let operands: ConvolutionOperands
  private let kernels: UnsafePointer<evssm_kernels>
  /// Rows of the packed matrix: a window, and a row of ones for the bias.
  private let depth: Int
  private let pixelsPerTile: Int
  /// The weights with the bias as last column, where there is one. Filled by each run: weights may be computed.
  private let weights: Arena?

  private static let panel = Int(EVSSM_PANEL)

  init(
    name: String, _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    self.name = name
    self.geometry = geometry
    self.operands = operands
    self.kernels = kernels
    let window = geometry.inputsPerGroup * geometry.taps
    depth = window + (operands.bias == nil ? 0 : 1)
    // About half of a second-level cache for the packed windows, and at least two tiles a thread of what there is.
    let most = max(1, 96 * 1024 / max(depth, 1) / Self.panel)
    pixelsPerTile = min(most, 16) * Self.panel
    weights =
      operands.bias == nil
      ? nil : try Arena(byteCount: Checked.product([geometry.outputs, depth, MemoryLayout<Float>.stride]))
  }

  var scratchByteCount: Int { (depth * pixelsPerTile + geometry.outputsPerGroup * Self.panel) * 4 }

  func run(worker: Int, team: Team, scratch: Floats) {
    let tilesPerPlane = (geometry.outPlane + pixelsPerTile - 1) / pixelsPerTile
    if let weights, let bias = operands.bias {
      team.tiles(geometry.outputs, worker: worker) { row in
        let target = weights.floats(at: row * depth * 4)
        target.update(from: operands.weight + row * (depth - 1), count: depth - 1)
        target[depth - 1] = bias[row]
      }
    }
    team.tiles(geometry.batch * geometry.groups * tilesPerPlane, worker: worker) { tile in
      let (image, part) = tile.quotientAndRemainder(dividingBy: tilesPerPlane)
      let start = part * pixelsPerTile
      block(
        image / geometry.groups, image % geometry.groups, start, min(pixelsPerTile, geometry.outPlane - start), scratch)
    }
  }

  private func block(_ n: Int, _ group: Int, _ start: Int, _ count: Int, _ scratch: Floats) {
    let matrix = weights.map { ConstFloats($0.floats(at: 0)) } ?? operands.weight
    let rows = geometry.outputsPerGroup
    let a = matrix + group * rows * depth
    let target = operands.output + (n * geometry.outputs + group * rows) * geometry.outPlane + start
    let input = operands.input + (n * geometry.channels + group * geometry.inputsPerGroup) * geometry.plane
    let whole = count / Self.panel * Self.panel
    for column in Swift.stride(from: 0, to: count, by: Self.panel) {
      pack(input, start + column, min(Self.panel, count - column), scratch + column * depth)
    }
    if whole > 0 { product(a, scratch, target, stride: geometry.outPlane, rows, whole) }
    guard whole < count else { return }
    // The last panel is packed whole, its rest with zeros; its result goes through scratch memory.
    let end = scratch + depth * pixelsPerTile
    product(a, scratch + whole * depth, end, stride: Self.panel, rows, Self.panel)
    var copy = evssm_copy_args(
      in: end, in_stride: Self.panel, out: target + whole, out_stride: geometry.outPlane, rows: rows,
      count: count - whole)
    kernels.pointee.copy_rows(&copy)
  }

  private func product(_ a: ConstFloats, _ b: Floats, _ c: Floats, stride: Int, _ rows: Int, _ width: Int) {
    var arguments = evssm_gemm_args(
      a: (a, nil, nil), a_stride: depth, segments: 1, segment_k: depth, b: b, bias: nil, c: c, c_stride: stride,
      addend: nil, addend_stride: 0, rows: rows, width: width, epilogue: EVSSM_EPILOGUE_STORE)
    kernels.pointee.gemm(&arguments)
  }

  /// One panel: `count` pixels from `start` on, the rest of its 48 columns zero.
  private func pack(_ input: ConstFloats, _ start: Int, _ count: Int, _ out: Floats) {
    if count < Self.panel { out.update(repeating: 0, count: depth * Self.panel) }
    if geometry.isPointwise {
      var copy = evssm_copy_args(
        in: input + start, in_stride: geometry.plane, out: out, out_stride: Self.panel,
        rows: geometry.channels / geometry.groups,
        count: count)
      kernels.pointee.copy_rows(&copy)
    } else {
      packWindows(input, start, count, out)
    }
    if operands.bias != nil { (out + (depth - 1) * Self.panel).update(repeating: 1, count: count) }
  }

  private func packWindows(_ input: ConstFloats, _ start: Int, _ count: Int, _ out: Floats) {
    var column = 0
    while column < count {
      // Pixels of one row of the output.
      let (y, x) = (start + column).quotientAndRemainder(dividingBy: geometry.outWidth)
      let run = min(count - column, geometry.outWidth - x)
      var row = out + column
      for c in 0..<geometry.inputsPerGroup {
        for i in 0..<geometry.kernel.height {
          let source = y * geometry.stride.height - geometry.pad.height + i * geometry.dilation.height
          let isInside = source >= 0 && source < geometry.height
          let line = input + c * geometry.plane + (isInside ? source * geometry.width : 0)
          for j in 0..<geometry.kernel.width {
            gather(isInside ? line : nil, x, run, j, row)
            row += Self.panel
          }
        }
      }
      column += run
    }
  }

  /// `run` values of tap `j` for output pixels from `x` on; zeros beyond the row.
  @inline(__always)
  private func gather(_ line: ConstFloats?, _ x: Int, _ run: Int, _ j: Int, _ out: Floats) {
    guard let line else { return out.update(repeating: 0, count: run) }
    let step = geometry.stride.width
    let first = x * step - geometry.pad.width + j * geometry.dilation.width
    if step == 1 {
      let low = min(max(0, -first), run)
      let high = max(low, min(run, geometry.width - first))
      if low > 0 { out.update(repeating: 0, count: low) }
      if high > low { (out + low).update(from: line + first + low, count: high - low) }
      if high < run { (out + high).update(repeating: 0, count: run - high) }
      return
    }
    for k in 0..<run {
      let at = first + k * step
      out[k] = at >= 0 && at < geometry.width ? line[at] : 0
    }
  }
}

/// A convolution of each channel by itself (or to two outputs), row by row.
final class DepthwiseStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation = "Conv, depthwise"
  private let geometry: ConvolutionGeometry
  private let operands: ConvolutionOperands
  private let kernels: UnsafePointer<evssm_kernels>
  /// Floats of a row with its pads, and outputs of a row before every `stride`th is taken.
  private let pitch, dense: Int
  private let rowsPerTile: Int

  init(
    name: String, _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands,
    kernels: UnsafePointer<evssm_kernels>
  ) {
    self.name = name
    self.geometry = geometry
    self.operands = operands
    self.kernels = kernels
    dense = (geometry.outWidth - 1) * geometry.stride.width + 1
    pitch = dense + (geometry.kernel.width - 1) * geometry.dilation.width
    rowsPerTile = max(1, min(geometry.outHeight, 16384 / max(pitch, 1)))
  }

  private var scratchRows: Int {
    (rowsPerTile - 1) * geometry.stride.height + (geometry.kernel.height - 1) * geometry.dilation.height + 1
  }
  var scratchByteCount: Int { (scratchRows * pitch + dense) * 4 }

  func run(worker: Int, team: Team, scratch: Floats) {
    let parts = (geometry.outHeight + rowsPerTile - 1) / rowsPerTile
    team.tiles(geometry.batch * geometry.outputs * parts, worker: worker) { tile in
      let (map, part) = tile.quotientAndRemainder(dividingBy: parts)
      let (n, output) = map.quotientAndRemainder(dividingBy: geometry.outputs)
      let channel = output / geometry.outputsPerGroup
      let first = part * rowsPerTile
      let last = min(geometry.outHeight, first + rowsPerTile)
      fill(operands.input + (n * geometry.channels + channel) * geometry.plane, first, last, scratch)
      for y in first..<last {
        line(output, y - first, operands.output + map * geometry.outPlane + y * geometry.outWidth, scratch)
      }
    }
  }

  /// The input rows that the output rows from `first` to `last` read, with zeros around them.
  private func fill(_ plane: ConstFloats, _ first: Int, _ last: Int, _ scratch: Floats) {
    let rows = (last - 1 - first) * geometry.stride.height + (geometry.kernel.height - 1) * geometry.dilation.height + 1
    let top = first * geometry.stride.height - geometry.pad.height
    let low = min(geometry.pad.width, pitch)
    let high = max(low, min(pitch, geometry.width + geometry.pad.width))
    for row in 0..<rows {
      let target = scratch + row * pitch
      let source = top + row
      guard source >= 0, source < geometry.height else {
        target.update(repeating: 0, count: pitch)
        continue
      }
      target.update(repeating: 0, count: low)
      (target + low).update(from: plane + source * geometry.width + low - geometry.pad.width, count: high - low)
      (target + high).update(repeating: 0, count: pitch - high)
    }
  }

  private func line(_ output: Int, _ y: Int, _ target: Floats, _ scratch: Floats) {
    var arguments = evssm_window_args()
    withUnsafeMutablePointer(to: &arguments.row) { rows in
      rows.withMemoryRebound(to: ConstFloats?.self, capacity: Int(EVSSM_WINDOW_ROWS)) { rows in
        for i in 0..<geometry.kernel.height {
          rows[i] = ConstFloats(scratch + (y * geometry.stride.height + i * geometry.dilation.height) * pitch)
        }
      }
    }
    arguments.rows = geometry.kernel.height
    arguments.columns = geometry.kernel.width
    arguments.dilation = geometry.dilation.width
    arguments.weight = operands.weight + output * geometry.taps
    arguments.bias = operands.bias?[output] ?? 0
    arguments.count = dense
    let step = geometry.stride.width
    let out = step == 1 ? target : scratch + scratchRows * pitch
    arguments.out = out
    kernels.pointee.window_row(&arguments)
    if step > 1 { for x in 0..<geometry.outWidth { target[x] = out[x * step] } }
  }
}
