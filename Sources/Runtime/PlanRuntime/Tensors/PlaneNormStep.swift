import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// A layer norm over the channels of maps, in pieces: d = x − mean(x), then d / √(mean(d²) + ε), and what scales and
  /// moves each channel behind it.
  ///
  /// Matches from the mean on; every value in between must have no other use.
  mutating func planeNorm(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let mean = program.nodes[index]
    guard let x = operand(mean, 0), let shape = floatShape(x), shape.count == 4, !shape.contains(0),
      isChannelMean(mean),
      let (sub, d) = next(mean, "Sub", where: { $0.inputs == [x, mean.outputs[0]] }),
      useCount(d) == 2 || useCount(d) == 3
    else { return nil }
    let users = Set(users(d)).sorted().map { (index: $0, node: program.nodes[$0]) }
    guard users.count == 2, let square = users.first(where: { isSquare($0.node, of: d) }),
      let divide = users.first(where: { $0.node.call.type == "Div" && $0.node.inputs.first == d }),
      let (meanSquare, v) = next(square.node, where: { self.isChannelMean($0) }),
      let (add, sum) = next(program.nodes[meanSquare], "Add", where: { _ in true }),
      let epsilon = program.nodes[add].inputs.first(where: { $0 != v }).flatMap(scalar),
      let (root, deviation) = next(program.nodes[add], where: { $0.call.type == "Sqrt" || self.isRoot($0) }),
      useCount(sum) == 1, useCount(deviation) == 1, divide.node.inputs == [d, deviation]
    else { return nil }
    var nodes = [index, sub, square.index, meanSquare, add, root, divide.index]
    var output = divide.node.outputs[0]
    var weight: Int?
    var bias: Int?
    if let (scale, scaled) = affine(output, "Mul", channels: shape[1]) {
      weight = program.nodes[scale].inputs.first { $0 != output }
      nodes.append(scale)
      output = scaled
    }
    if let (move, moved) = affine(output, "Add", channels: shape[1]) {
      bias = program.nodes[move].inputs.first { $0 != output }
      nodes.append(move)
      output = moved
    }
    guard nodes.allSatisfy({ !isTaken($0) }), floatShape(output) == shape else { return nil }
    take(nodes)
    let (name, target, parameters) = (mean.name, output, [weight, bias])
    return ProgramSchedule.PlannedStep(inputs: [x] + parameters.compactMap { $0 }, outputs: [output]) {
      memory, kernels in
      let pointers = try parameters.map { try $0.map(memory.requiredFloats) }
      let plane = shape[2] * shape[3]
      let arguments = evssm_plane_norm_args(
        in: try memory.requiredFloats(x), in_stride: plane, out: try memory.requiredTarget(target), out_stride: plane,
        channels: shape[1], count: plane, weight: pointers[0], bias: pointers[1], epsilon: Float(epsilon))
      return PlaneNormStep(name: name, arguments, images: shape[0], kernels: kernels)
    }
  }

  private func isChannelMean(_ node: PrimitiveProgram.Node) -> Bool {
    guard node.call.type == "ReduceMean", node.call.integer("keepdims", 1) == 1 else { return false }
    var axes = node.call.integers("axes")
    if let value = operand(node, 1) { axes = constant(value)?.integers().map { Int($0) } }
    return axes == [1] || axes == [-3]
  }

  private func isSquare(_ node: PrimitiveProgram.Node, of value: Int) -> Bool {
    if node.call.type == "Mul" { return node.inputs == [value, value] }
    return node.call.type == "Pow" && node.inputs.first == value && node.inputs.count == 2
      && scalar(node.inputs[1]) == 2
  }

  private func isRoot(_ node: PrimitiveProgram.Node) -> Bool {
    node.call.type == "Pow" && node.inputs.count == 2 && scalar(node.inputs[1]) == 0.5
  }

  /// The only user of a node's result, and its own result.
  private func next(
    _ node: PrimitiveProgram.Node, _ type: String? = nil, where fits: (PrimitiveProgram.Node) -> Bool
  ) -> (index: Int, output: Int)? {
    guard node.outputs.count == 1, let user = onlyUse(node.outputs[0]) else { return nil }
    let candidate = program.nodes[user]
    guard type == nil || candidate.call.type == type, fits(candidate), candidate.outputs.count == 1 else { return nil }
    return (user, candidate.outputs[0])
  }

  /// The only user of a map that scales or moves its channels by a constant.
  private func affine(_ value: Int, _ type: String, channels: Int) -> (index: Int, output: Int)? {
    guard let user = onlyUse(value) else { return nil }
    let node = program.nodes[user]
    guard node.call.type == type, let other = node.inputs.first(where: { $0 != value }), isConstant(other),
      let shape = floatShape(other), shape == [1, channels, 1, 1] || shape == [channels, 1, 1]
    else { return nil }
    return (user, node.outputs[0])
  }
}

/// A layer norm over channels, for blocks of pixels.
final class PlaneNormStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation = "layer norm over channels"
  let scratchByteCount = 0
  private let arguments: evssm_plane_norm_args
  private let images: Int
  private let kernels: UnsafePointer<evssm_kernels>
  private static let block = 1024

  init(name: String, _ arguments: evssm_plane_norm_args, images: Int, kernels: UnsafePointer<evssm_kernels>) {
    self.name = name
    self.arguments = arguments
    self.images = images
    self.kernels = kernels
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let parts = (arguments.count + Self.block - 1) / Self.block
    let image = arguments.channels * arguments.count
    team.tiles(images * parts, worker: worker) { tile in
      let (n, part) = tile.quotientAndRemainder(dividingBy: parts)
      var block = arguments
      block.in += n * image + part * Self.block
      block.out += n * image + part * Self.block
      block.count = min(Self.block, arguments.count - part * Self.block)
      kernels.pointee.plane_norm(&block)
    }
  }
}
