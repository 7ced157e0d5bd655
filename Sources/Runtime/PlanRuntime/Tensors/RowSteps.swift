import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// Softmax along the last axis and LayerNormalization over the last axes.
  mutating func rows(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.outputs.count == 1, let input = operand(node, 0), let shape = floatShape(input), !shape.contains(0),
      !shape.isEmpty, floatShape(node.outputs[0]) == shape
    else { return nil }
    let axis = node.call.integer("axis", -1)
    let start = axis < 0 ? axis + shape.count : axis
    let count = shape[start...].reduce(1, *)
    var parameters: [Int] = []
    switch node.call.type {
    case "Softmax": guard start == shape.count - 1 else { return nil }
    case "LayerNormalization":
      for position in 1...2 {
        guard let value = operand(node, position) else { continue }
        guard floatShape(value)?.reduce(1, *) == count else { return nil }
        parameters.append(value)
      }
    default: return nil
    }
    let isSoftmax = node.call.type == "Softmax"
    let epsilon = Float(node.call.real("epsilon", 1e-5))
    let output = node.outputs[0]
    let (name, operation) = (node.name, node.call.type)
    return ProgramSchedule.PlannedStep(inputs: [input] + parameters, outputs: [output]) { memory, kernels in
      let pointers = try parameters.map(memory.requiredFloats)
      let arguments = evssm_row_args(
        in: try memory.requiredFloats(input), in_stride: count, out: try memory.requiredTarget(output),
        out_stride: count,
        rows: shape[..<start].reduce(1, *), count: count, weight: pointers.first,
        bias: pointers.count > 1 ? pointers[1] : nil, epsilon: epsilon)
      return RowStep(
        name: name, operation: operation, arguments, isSoftmax ? kernels.pointee.softmax : kernels.pointee.normalise)
    }
  }
}

/// A function of rows that lie one behind the other.
final class RowStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  let scratchByteCount = 0
  private let arguments: evssm_row_args
  private let kernel: (@convention(c) (UnsafePointer<evssm_row_args>?) -> Void)?
  private let rowsPerTile: Int

  init(
    name: String, operation: String, _ arguments: evssm_row_args,
    _ kernel: (@convention(c) (UnsafePointer<evssm_row_args>?) -> Void)?
  ) {
    self.name = name
    self.operation = operation
    self.arguments = arguments
    self.kernel = kernel
    rowsPerTile = max(1, 16384 / max(arguments.count, 1))
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    team.tiles((arguments.rows + rowsPerTile - 1) / rowsPerTile, worker: worker) { tile in
      let first = tile * rowsPerTile
      var part = arguments
      part.in += first * part.in_stride
      part.out += first * part.out_stride
      part.rows = min(rowsPerTile, part.rows - first)
      kernel?(&part)
    }
  }
}

extension StepPlanner {
  /// Sums, means and extremes over axes that lie side by side: the last ones, or with axes of size over 1 behind them.
  mutating func reduction(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard let input = operand(node, 0), let shape = floatShape(input), !shape.contains(0), !shape.isEmpty,
      floatShape(node.outputs[0]) != nil, let axes = reducedAxes(node, rank: shape.count), let first = axes.first,
      let last = axes.last, axes == Array(first...last)
    else { return nil }
    if node.call.type == "ReduceL2" || node.call.type == "ReduceSumSquare" {
      return squares(node, input, shape, first, last)
    }
    let function: evssm_reduction
    switch node.call.type {
    case "ReduceMean", "ReduceSum", "GlobalAveragePool": function = EVSSM_REDUCTION_SUM
    case "ReduceMax", "GlobalMaxPool": function = EVSSM_REDUCTION_MAXIMUM
    case "ReduceMin": function = EVSSM_REDUCTION_MINIMUM
    default: return nil
    }
    let isMean = node.call.type == "ReduceMean" || node.call.type == "GlobalAveragePool"
    let outer = shape[..<first].reduce(1, *)
    let count = shape[first...last].reduce(1, *)
    let inner = shape[(last + 1)...].reduce(1, *)
    let output = node.outputs[0]
    let (name, operation) = (node.name, node.call.type)
    return ProgramSchedule.PlannedStep(inputs: [input], outputs: [output]) { memory, kernels in
      ReductionStep(
        name: name, operation: operation, input: try memory.requiredFloats(input),
        output: try memory.requiredTarget(output),
        outer: outer, count: count, inner: inner, function: function, scale: isMean ? 1 / Float(count) : 1,
        kernels: kernels)
    }
  }

  /// Sums of squares, or their roots, over the last axes.
  private func squares(
    _ node: PrimitiveProgram.Node, _ input: Int, _ shape: [Int], _ first: Int, _ last: Int
  ) -> ProgramSchedule.PlannedStep? {
    guard last == shape.count - 1 else { return nil }
    let (rows, count) = (shape[..<first].reduce(1, *), shape[first...].reduce(1, *))
    let isRoot = node.call.type == "ReduceL2"
    let together = max(1, 16384 / count)
    let (name, operation, output) = (node.name, node.call.type, node.outputs[0])
    return ProgramSchedule.PlannedStep(inputs: [input], outputs: [output]) { memory, _ in
      let (from, to) = (try memory.requiredFloats(input), try memory.requiredTarget(output))
      return TiledStep(name: name, operation: operation, tileCount: (rows + together - 1) / together) { tile, _ in
        for row in tile * together..<min(rows, (tile + 1) * together) {
          let sum = Sums.squares(from + row * count, count, from: 0)
          to[row] = Float(isRoot ? sum.squareRoot() : sum)
        }
      }
    }
  }

  private func reducedAxes(_ node: PrimitiveProgram.Node, rank: Int) -> [Int]? {
    if node.call.type.hasPrefix("Global") { return rank > 2 ? Array(2..<rank) : nil }
    guard node.call.type.hasPrefix("Reduce") else { return nil }
    var given = node.call.integers("axes")
    if let value = operand(node, 1) {
      guard let tensor = constant(value) else { return nil }
      given = tensor.integers().map { Int($0) }
    }
    let axes = (given ?? []).map { $0 < 0 ? $0 + rank : $0 }.sorted()
    if axes.isEmpty { return node.call.integer("noop_with_empty_axes", 0) == 0 ? Array(0..<rank) : nil }
    return axes
  }
}

/// The reduction of the middle axis of (outer, count, inner).
final class ReductionStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  let scratchByteCount = 0
  private let input: ConstFloats
  private let output: Floats
  private let outer, count, inner: Int
  private let function: evssm_reduction
  private let scale: Float
  private let kernels: UnsafePointer<evssm_kernels>
  private static let block = 2048

  init(
    name: String, operation: String, input: ConstFloats, output: Floats, outer: Int, count: Int, inner: Int,
    function: evssm_reduction, scale: Float, kernels: UnsafePointer<evssm_kernels>
  ) {
    self.name = name
    self.operation = operation
    self.input = input
    self.output = output
    self.outer = outer
    self.count = count
    self.inner = inner
    self.function = function
    self.scale = scale
    self.kernels = kernels
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    if inner == 1 {
      let rows = max(1, 16384 / count)
      team.tiles((outer + rows - 1) / rows, worker: worker) { tile in
        let first = tile * rows
        let number = min(rows, outer - first)
        var arguments = evssm_reduce_args(
          in: input + first * count, in_stride: count, out: output + first, rows: number, count: count,
          function: function)
        kernels.pointee.reduce(&arguments)
        finish(output + first, number)
      }
      return
    }
    let parts = (inner + Self.block - 1) / Self.block
    team.tiles(outer * parts, worker: worker) { tile in
      let (o, part) = tile.quotientAndRemainder(dividingBy: parts)
      let start = part * Self.block
      accumulate(o, start, min(Self.block, inner - start))
    }
  }

  private var combine: evssm_binary {
    switch function {
    case EVSSM_REDUCTION_MAXIMUM: EVSSM_BINARY_MAXIMUM
    case EVSSM_REDUCTION_MINIMUM: EVSSM_BINARY_MINIMUM
    default: EVSSM_BINARY_ADD
    }
  }

  private func accumulate(_ o: Int, _ start: Int, _ number: Int) {
    let target = output + o * inner + start
    let source = input + o * count * inner + start
    target.update(from: source, count: number)
    for k in 1..<max(count, 1) {
      var arguments = evssm_binary_args(
        a: source + k * inner, a_step: 1, b: target, b_step: 1, out: target, count: number, function: combine)
      kernels.pointee.binary(&arguments)
    }
    finish(target, number)
  }

  private func finish(_ target: Floats, _ number: Int) {
    if scale == 1 { return }
    var factor = scale
    withUnsafePointer(to: &factor) { factor in
      var arguments = evssm_binary_args(
        a: target, a_step: 1, b: factor, b_step: 0, out: target, count: number, function: EVSSM_BINARY_MULTIPLY)
      kernels.pointee.binary(&arguments)
    }
  }
}
