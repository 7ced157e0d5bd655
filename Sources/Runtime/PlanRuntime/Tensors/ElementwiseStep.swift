import CKernels
import PrimitiveOperators
import Tensors

/// An element-wise function as the kernels have it.
enum ElementwiseFunction {
  case unary(evssm_unary, alpha: Float)
  /// The running value is the first operand, or (reversed) the second.
  case binary(evssm_binary, isReversed: Bool)
}

/// One stage of a chain: a function of the running value and, for two operands, of another.
struct ElementwiseStage {
  var function: ElementwiseFunction
  /// The other operand of a binary function.
  var operand: Int?
}

extension StepPlanner {
  private static let unary: [String: evssm_unary] = [
    "Neg": EVSSM_UNARY_NEGATE, "Abs": EVSSM_UNARY_ABSOLUTE, "Sqrt": EVSSM_UNARY_SQUARE_ROOT,
    "Reciprocal": EVSSM_UNARY_RECIPROCAL, "Exp": EVSSM_UNARY_EXPONENTIAL, "Sigmoid": EVSSM_UNARY_SIGMOID,
    "Tanh": EVSSM_UNARY_TANH, "Erf": EVSSM_UNARY_ERROR, "Relu": EVSSM_UNARY_LEAKY_RELU,
    "LeakyRelu": EVSSM_UNARY_LEAKY_RELU,
  ]
  private static let binary: [String: evssm_binary] = [
    "Add": EVSSM_BINARY_ADD, "Sub": EVSSM_BINARY_SUBTRACT, "Mul": EVSSM_BINARY_MULTIPLY, "Div": EVSSM_BINARY_DIVIDE,
    "Max": EVSSM_BINARY_MAXIMUM, "Min": EVSSM_BINARY_MINIMUM,
  ]

  /// The stages of one node for a running value that is its operand `value`; nil when no kernel does it.
  func stages(_ node: PrimitiveProgram.Node, running value: Int) -> [ElementwiseStage]? {
    let call = node.call
    if let function = Self.binary[call.type], node.inputs.count == 2 {
      let other = node.inputs[0] == value ? node.inputs[1] : node.inputs[0]
      return [ElementwiseStage(function: .binary(function, isReversed: node.inputs[0] != value), operand: other)]
    }
    guard node.inputs.first == value else { return nil }
    switch call.type {
    case "Gelu" where call.string("approximate", "none") == "none": return [one(EVSSM_UNARY_GELU)]
    case "Swish" where call.real("alpha", 1) == 1: return [one(EVSSM_UNARY_SILU)]
    case "LeakyRelu": return [one(EVSSM_UNARY_LEAKY_RELU, Float(call.real("alpha", 0.01)))]
    case "Pow" where node.inputs.count == 2:
      if scalar(node.inputs[1]) == 2 { return [one(EVSSM_UNARY_SQUARE)] }
      return scalar(node.inputs[1]) == 0.5 ? [one(EVSSM_UNARY_SQUARE_ROOT)] : nil
    case "Clip":
      var stages: [ElementwiseStage] = []
      for (position, function) in [(1, EVSSM_BINARY_MAXIMUM), (2, EVSSM_BINARY_MINIMUM)] {
        if let bound = operand(node, position) {
          stages.append(ElementwiseStage(function: .binary(function, isReversed: true), operand: bound))
        }
      }
      return stages.isEmpty || call.attributes["min"] != nil || call.attributes["max"] != nil ? nil : stages
    default: return Self.unary[call.type].map { [one($0)] }
    }
  }

  private func one(_ function: evssm_unary, _ alpha: Float = 0) -> ElementwiseStage {
    ElementwiseStage(function: .unary(function, alpha: alpha), operand: nil)
  }

  /// A chain of element-wise nodes, each of which is the only one to use the one before.
  mutating func elementwise(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let first = program.nodes[index]
    guard first.outputs.count == 1, let shape = floatShape(first.outputs[0]),
      first.inputs.allSatisfy({ floatShape($0) != nil }), let start = runningOperand(first, shape),
      var all = stages(first, running: start)
    else { return nil }
    var nodes = [index]
    var value = first.outputs[0]
    while let next = onlyUse(value), next > nodes[nodes.count - 1], !isTaken(next) {
      let node = program.nodes[next]
      guard node.outputs.count == 1, floatShape(node.outputs[0]) == shape,
        node.inputs.count(where: { $0 == value }) == 1,
        node.inputs.allSatisfy({ floatShape($0) != nil }), let more = stages(node, running: value),
        areReady(node.inputs.filter { $0 != value }, at: index)
      else { break }
      all += more
      nodes.append(next)
      value = node.outputs[0]
    }
    take(nodes)
    let name = nodes.map { program.nodes[$0].call.type }.joined(separator: ", ")
    let operands = [start] + all.compactMap(\.operand)
    let broadcast = try ElementwiseBroadcast(shape, operands.map { floatShape($0) ?? [] })
    let (stages, output, label) = (all, value, first.name)
    return ProgramSchedule.PlannedStep(inputs: operands, outputs: [output]) { memory, kernels in
      try ElementwiseStep(
        name: label, operation: name, stages: stages, operands: operands, output: output, broadcast: broadcast,
        memory: memory, kernels: kernels)
    }
  }

  /// The operand with which the chain starts: one of the result's shape if there is one.
  private func runningOperand(_ node: PrimitiveProgram.Node, _ shape: [Int]) -> Int? {
    node.inputs.first { floatShape($0) == shape && !isConstant($0) } ?? node.inputs.first
  }
}

/// How operands of a chain are stretched: `outer` runs of `inner` elements, in which each operand is dense or one value.
struct ElementwiseBroadcast {
  let inner: Int
  let outer: [Int]
  /// For each operand: whether it moves along a run, and its elements between neighbours on the outer axes.
  let operands: [(step: Int, strides: [Int])]

  init(_ shape: [Int], _ operands: [[Int]]) throws {
    let strides = operands.map { Self.strides($0, shape) }
    var start = shape.count
    var steps = [Int?](repeating: nil, count: operands.count)
    var length = 1
    while start > 0 {
      let axis = start - 1
      var next = steps
      var fits = true
      for i in operands.indices where shape[axis] != 1 {
        let step = strides[i][axis] == 0 ? 0 : 1
        if let old = steps[i], old != step || (step == 1 && strides[i][axis] != length) { fits = false }
        if steps[i] == nil, step == 1, strides[i][axis] != length { fits = false }
        next[i] = step
      }
      guard fits else { break }
      steps = next
      length *= shape[axis]
      start = axis
    }
    inner = length
    outer = Array(shape[..<start])
    self.operands = operands.indices.map { (steps[$0] ?? 0, Array(strides[$0][..<start])) }
  }

  private static func strides(_ shape: [Int], _ target: [Int]) -> [Int] {
    var out = [Int](repeating: 0, count: target.count)
    var run = 1
    for (i, size) in shape.enumerated().reversed() {
      out[target.count - shape.count + i] = size == 1 ? 0 : run
      run *= size
    }
    return out
  }
}

/// A chain of element-wise functions over blocks that stay in the first-level cache.
final class ElementwiseStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  var scratchByteCount: Int { Self.block * 4 }
  private static let block = 4096

  private let stages: [ElementwiseStage]
  private let pointers: [ConstFloats]
  private let output: Floats
  private let broadcast: ElementwiseBroadcast
  private let kernels: UnsafePointer<evssm_kernels>
  private let runs: Int
  private let parts: Int
  /// Runs that one tile covers, where runs are short.
  private let runsPerTile: Int

  init(
    name: String, operation: String, stages: [ElementwiseStage], operands: [Int], output: Int,
    broadcast: ElementwiseBroadcast, memory: TensorMemory, kernels: UnsafePointer<evssm_kernels>
  ) throws {
    self.name = name
    self.operation = operation
    self.stages = stages
    pointers = try operands.map(memory.requiredFloats)
    self.output = try memory.requiredTarget(output)
    self.broadcast = broadcast
    self.kernels = kernels
    runs = broadcast.outer.reduce(1, *)
    parts = max(1, (broadcast.inner + Self.block - 1) / Self.block)
    runsPerTile = max(1, Self.block / max(broadcast.inner, 1))
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    if broadcast.inner == 0 { return team.barrier() }
    if parts > 1 {
      team.tiles(runs * parts, worker: worker) { tile in
        let (run, part) = tile.quotientAndRemainder(dividingBy: parts)
        let start = part * broadcast.inner / parts
        block(run, start, (part + 1) * broadcast.inner / parts - start, scratch)
      }
    } else {
      team.tiles((runs + runsPerTile - 1) / runsPerTile, worker: worker) { tile in
        for run in tile * runsPerTile..<min(runs, (tile + 1) * runsPerTile) { block(run, 0, broadcast.inner, scratch) }
      }
    }
  }

  private func place(_ operand: Int, _ run: Int, _ start: Int) -> ConstFloats {
    var (rest, offset) = (run, 0)
    let (step, strides) = broadcast.operands[operand]
    for axis in stride(from: strides.count - 1, through: 0, by: -1) {
      let (quotient, position) = rest.quotientAndRemainder(dividingBy: broadcast.outer[axis])
      offset += position * strides[axis]
      rest = quotient
    }
    return pointers[operand] + offset + step * start
  }

  private func block(_ run: Int, _ start: Int, _ count: Int, _ scratch: Floats) {
    let target = output + run * broadcast.inner + start
    var (value, step) = (place(0, run, start), broadcast.operands[0].step)
    var operand = 0
    for (index, stage) in stages.enumerated() {
      let out = index == stages.count - 1 ? target : scratch
      switch stage.function {
      case .unary(let function, let alpha):
        if step == 0 {
          fill(scratch, value[0], count)
          (value, step) = (ConstFloats(scratch), 1)
        }
        var arguments = evssm_unary_args(in: value, out: out, count: count, function: function, alpha: alpha)
        kernels.pointee.unary(&arguments)
      case .binary(let function, let isReversed):
        operand += 1
        let other = place(operand, run, start)
        let otherStep = broadcast.operands[operand].step
        var arguments =
          isReversed
          ? evssm_binary_args(
            a: other, a_step: otherStep, b: value, b_step: step, out: out, count: count, function: function)
          : evssm_binary_args(
            a: value, a_step: step, b: other, b_step: otherStep, out: out, count: count, function: function)
        kernels.pointee.binary(&arguments)
      }
      (value, step) = (ConstFloats(out), 1)
    }
  }

  private func fill(_ target: Floats, _ value: Float, _ count: Int) { target.update(repeating: value, count: count) }
}

extension TensorMemory {
  /// The float32 elements of an operand.
  func requiredFloats(_ value: Int) throws -> ConstFloats {
    guard let pointer = constFloats(value) else {
      throw EVSSMError("runtime.operand", "Value \(value) has no place in memory.", category: .internal)
    }
    return pointer
  }

  /// Where a float32 result goes.
  func requiredTarget(_ value: Int) throws -> Floats {
    guard let pointer = floats(value) else {
      throw EVSSMError("runtime.operand", "Value \(value) has no place in memory.", category: .internal)
    }
    return pointer
  }
}
