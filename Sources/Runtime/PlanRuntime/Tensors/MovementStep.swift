import CKernels
import PrimitiveOperators
import Tensors

/// A block of 4-byte elements that moves from one strided place to another.
struct BlockMove {
  var operand: Int
  var result: Int
  var shape: [Int]
  var from: (offset: Int, strides: [Int])
  var to: (offset: Int, strides: [Int])
}

extension StepPlanner {
  /// Nodes that move data without looking at it: Transpose, Slice, Split, Concat, Expand, DepthToSpace, SpaceToDepth.
  mutating func movement(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard let first = node.inputs.first, let dtype = facts[first]?.type.dtype, dtype.byteCount == 4,
      let input = shape(first), node.outputs.allSatisfy({ shape($0) != nil })
    else { return nil }
    let moves: [BlockMove]?
    switch node.call.type {
    case "Transpose": moves = transpose(node, input)
    case "Split": moves = split(node, input)
    case "Concat": moves = concat(node)
    case "Slice": moves = slice(node, input)
    case "Expand": moves = expand(node, input)
    case "DepthToSpace", "SpaceToDepth": moves = blocks(node, input)
    default: moves = nil
    }
    guard let moves else { return nil }
    let operands = moves.map { node.inputs[$0.operand] }
    let (name, operation, outputs) = (node.name, node.call.type, node.outputs)
    return ProgramSchedule.PlannedStep(inputs: Array(Set(operands)), outputs: node.outputs) { memory, kernels in
      let placed = try moves.map { move in
        guard let from = memory.constFloats(node.inputs[move.operand]), let to = memory.words(outputs[move.result])
        else {
          throw EVSSMError("runtime.operand", "A value has no place in memory.", category: .internal)
        }
        return PlacedMove(move, from: from, to: to)
      }
      return MovementStep(name: name, operation: operation, placed, kernels: kernels)
    }
  }

  private func transpose(_ node: PrimitiveProgram.Node, _ input: [Int]) -> [BlockMove]? {
    let order = node.call.integers("perm") ?? Array(input.indices.reversed())
    let strides = denseStrides(input)
    let shape = order.map { input[$0] }
    return [
      BlockMove(operand: 0, result: 0, shape: shape, from: (0, order.map { strides[$0] }), to: (0, denseStrides(shape)))
    ]
  }

  private func split(_ node: PrimitiveProgram.Node, _ input: [Int]) -> [BlockMove]? {
    let axis = node.call.integer("axis", 0)
    let at = axis < 0 ? axis + input.count : axis
    let strides = denseStrides(input)
    var start = 0
    var moves: [BlockMove] = []
    guard node.outputs.count == node.call.outputs.count else { return nil }
    for (result, output) in node.outputs.enumerated() {
      guard let shape = shape(output) else { return nil }
      moves.append(
        BlockMove(
          operand: 0, result: result, shape: shape, from: (start * strides[at], strides), to: (0, denseStrides(shape))))
      start += shape[at]
    }
    return moves
  }

  private func concat(_ node: PrimitiveProgram.Node) -> [BlockMove]? {
    guard let target = shape(node.outputs[0]) else { return nil }
    let axis = node.call.integer("axis", 0)
    let at = axis < 0 ? axis + target.count : axis
    let strides = denseStrides(target)
    var start = 0
    var moves: [BlockMove] = []
    for (operand, value) in node.inputs.enumerated() {
      guard let shape = shape(value) else { return nil }
      moves.append(
        BlockMove(
          operand: operand, result: 0, shape: shape, from: (0, denseStrides(shape)), to: (start * strides[at], strides))
      )
      start += shape[at]
    }
    return moves
  }

  private func slice(_ node: PrimitiveProgram.Node, _ input: [Int]) -> [BlockMove]? {
    func numbers(_ position: Int) -> [Int]? { operand(node, position).flatMap(constant)?.integers().map { Int($0) } }
    guard let starts = numbers(1), numbers(2) != nil, let target = shape(node.outputs[0]), !target.contains(0) else {
      return nil
    }
    if node.call.inputs.count > 3, node.call.inputs[3], numbers(3) == nil { return nil }
    if node.call.inputs.count > 4, node.call.inputs[4], numbers(4) == nil { return nil }
    let axes = (numbers(3) ?? Array(starts.indices)).map { $0 < 0 ? $0 + input.count : $0 }
    let steps = numbers(4) ?? Array(repeating: 1, count: starts.count)
    var strides = denseStrides(input)
    var offset = 0
    for (i, axis) in axes.enumerated() {
      let size = input[axis]
      let start = starts[i] < 0 ? starts[i] &+ size : starts[i]
      let first = steps[i] > 0 ? min(max(start, 0), size) : min(max(start, -1), size - 1)
      offset += first * strides[axis]
      strides[axis] = target[axis] > 1 ? strides[axis] * steps[i] : 0
    }
    return [BlockMove(operand: 0, result: 0, shape: target, from: (offset, strides), to: (0, denseStrides(target)))]
  }

  private func expand(_ node: PrimitiveProgram.Node, _ input: [Int]) -> [BlockMove]? {
    guard let target = shape(node.outputs[0]) else { return nil }
    let own = denseStrides(input)
    let strides = target.indices.map { axis -> Int in
      let at = axis - target.count + input.count
      return at < 0 || input[at] == 1 ? 0 : own[at]
    }
    return [BlockMove(operand: 0, result: 0, shape: target, from: (0, strides), to: (0, denseStrides(target)))]
  }

  private func blocks(_ node: PrimitiveProgram.Node, _ input: [Int]) -> [BlockMove]? {
    let block = node.call.integer("blocksize", 1)
    let isDepthFirst = node.call.string("mode", "DCR") == "DCR"
    let (n, c, h, w) = (input[0], input[1], input[2], input[3])
    let plane = h * w
    if node.call.type == "DepthToSpace" {
      let depth = c / (block * block)
      let (row, column, channel) = isDepthFirst ? (block * depth, depth, 1) : (block, 1, block * block)
      let shape = [n, depth, h, block, w, block]
      return [
        BlockMove(
          operand: 0, result: 0, shape: shape,
          from: (0, [c * plane, channel * plane, w, row * plane, 1, column * plane]), to: (0, denseStrides(shape)))
      ]
    }
    let position = [(block, w), (block, 1)]
    let axes =
      [(n, c * plane)] + (isDepthFirst ? position + [(c, plane)] : [(c, plane)] + position)
      + [(h / block, w * block), (w / block, block)]
    let shape = axes.map(\.0)
    return [BlockMove(operand: 0, result: 0, shape: shape, from: (0, axes.map(\.1)), to: (0, denseStrides(shape)))]
  }
}

/// Elements between neighbours on each axis of a dense row-major tensor.
func denseStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1) }
  return strides
}

/// A move between pointers, brought to the form: outer axes, and two inner ones that a kernel does.
struct PlacedMove {
  let from: ConstFloats
  let to: Floats
  /// Rows and columns of the inner block, with their strides on both sides.
  let rows, columns: Int
  let rowFrom, rowTo, columnFrom, columnTo: Int
  let outer: [Int]
  let outerFrom, outerTo: [Int]

  init(_ move: BlockMove, from: ConstFloats, to: Floats) {
    self.from = from + move.from.offset
    self.to = to + move.to.offset
    var axes = move.shape.indices.filter { move.shape[$0] != 1 }
      .map { (size: move.shape[$0], from: move.from.strides[$0], to: move.to.strides[$0]) }
    if move.shape.contains(0) { axes = [(0, 0, 0)] }
    // Neighbouring axes that are one run on both sides become one.
    var merged: [(size: Int, from: Int, to: Int)] = []
    for axis in axes {
      if let last = merged.last, last.from == axis.from * axis.size, last.to == axis.to * axis.size {
        merged[merged.count - 1] = (last.size * axis.size, axis.from, axis.to)
      } else {
        merged.append(axis)
      }
    }
    let column = merged.popLast() ?? (1, 1, 1)
    (columns, columnFrom, columnTo) = column
    // The axis that is dense in the source, if the last is not, makes the block a transpose.
    let dense = columnFrom == 1 ? nil : merged.lastIndex { $0.from == 1 }
    let row = dense.map { merged.remove(at: $0) } ?? merged.popLast() ?? (1, 0, 0)
    (rows, rowFrom, rowTo) = row
    outer = merged.map(\.size)
    outerFrom = merged.map(\.from)
    outerTo = merged.map(\.to)
  }

  var blockCount: Int { outer.reduce(1, *) }

  /// The places of block `index`.
  func block(_ index: Int) -> (ConstFloats, Floats) {
    var (rest, a, b) = (index, from, to)
    for axis in outer.indices.reversed() {
      let (quotient, position) = rest.quotientAndRemainder(dividingBy: outer[axis])
      a += position * outerFrom[axis]
      b += position * outerTo[axis]
      rest = quotient
    }
    return (a, b)
  }
}

/// Moves blocks.
final class MovementStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  let scratchByteCount = 0
  private let moves: [PlacedMove]
  private let kernels: UnsafePointer<evssm_kernels>

  init(name: String, operation: String, _ moves: [PlacedMove], kernels: UnsafePointer<evssm_kernels>) {
    self.name = name
    self.operation = operation
    self.moves = moves
    self.kernels = kernels
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    for move in moves {
      // Large blocks are cut by rows, small ones go together.
      let size = max(move.rows * move.columns, 1)
      let parts = max(1, min(move.rows, size / 32768))
      let together = parts > 1 ? 1 : max(1, 16384 / size)
      team.tiles((move.blockCount * parts + together - 1) / together, worker: worker) { tile in
        for unit in tile * together..<min((tile + 1) * together, move.blockCount * parts) {
          let (block, part) = unit.quotientAndRemainder(dividingBy: parts)
          let (from, to) = move.block(block)
          let first = part * move.rows / parts
          let count = (part + 1) * move.rows / parts - first
          run(move, from + first * move.rowFrom, to + first * move.rowTo, count)
        }
      }
    }
  }

  private func run(_ move: PlacedMove, _ from: ConstFloats, _ to: Floats, _ rows: Int) {
    if move.columnFrom == 1, move.columnTo == 1 {
      var arguments = evssm_copy_args(
        in: from, in_stride: move.rowFrom, out: to, out_stride: move.rowTo, rows: rows, count: move.columns)
      kernels.pointee.copy_rows(&arguments)
    } else if move.rowFrom == 1, move.columnTo == 1 {
      var arguments = evssm_transpose_args(
        in: from, in_stride: move.columnFrom, out: to, out_stride: move.rowTo, rows: move.columns, columns: rows)
      kernels.pointee.transpose(&arguments)
    } else {
      for r in 0..<rows {
        let (source, target) = (from + r * move.rowFrom, to + r * move.rowTo)
        for c in 0..<move.columns { target[c * move.columnTo] = source[c * move.columnFrom] }
      }
    }
  }
}

extension TensorMemory {
  /// Where a result of 4-byte elements goes.
  func words(_ value: Int) -> Floats? {
    UnsafeMutableRawPointer(mutating: target(value))?.assumingMemoryBound(to: Float.self)
  }
}
