import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// Normalisations of whole maps or groups of maps, PRelu with a slope a channel, and functions of single numbers that
  /// no chain takes.
  mutating func channels(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.outputs.count == 1, let input = operand(node, 0), let shape = floatShape(input), !shape.contains(0),
      floatShape(node.outputs[0]) == shape
    else { return nil }
    switch node.call.type {
    case "BatchNormalization": return batchNorm(node, input, shape)
    case "GroupNormalization", "InstanceNormalization": return groupNorm(node, input, shape)
    case "PRelu": return slopes(node, input, shape)
    default: return pointwise(node, input, shape)
    }
  }

  private func planned(
    _ node: PrimitiveProgram.Node, _ operands: [Int], _ make: @escaping ([ConstFloats], Floats) -> TiledStep
  ) -> ProgramSchedule.PlannedStep {
    let output = node.outputs[0]
    return ProgramSchedule.PlannedStep(inputs: operands, outputs: [output]) { memory, _ in
      make(try operands.map(memory.requiredFloats), try memory.requiredTarget(output))
    }
  }

  /// Operands of a node that are vectors of `count` float32 numbers.
  private func vectors(_ node: PrimitiveProgram.Node, _ positions: ClosedRange<Int>, _ count: Int) -> [Int]? {
    let all = positions.compactMap { operand(node, $0) }
    return all.count == positions.count && all.allSatisfy { floatShape($0) == [count] } ? all : nil
  }

  private func batchNorm(_ node: PrimitiveProgram.Node, _ input: Int, _ shape: [Int]) -> ProgramSchedule.PlannedStep? {
    guard shape.count >= 2, node.call.integer("training_mode", 0) == 0, let vectors = vectors(node, 1...4, shape[1])
    else {
      return nil
    }
    let (channels, plane) = (shape[1], shape[2...].reduce(1, *))
    let epsilon = node.call.real("epsilon", 1e-5)
    let (name, operation) = (node.name, node.call.type)
    return planned(node, [input] + vectors) { pointers, output in
      TiledStep(name: name, operation: operation, tileCount: shape[0] * channels) { map, _ in
        let c = map % channels
        let factor = Double(pointers[1][c]) / (Double(pointers[4][c]) + epsilon).squareRoot()
        let offset = Double(pointers[2][c]) - Double(pointers[3][c]) * factor
        Self.affine(pointers[0] + map * plane, output + map * plane, plane, Float(factor), Float(offset))
      }
    }
  }

  private func groupNorm(_ node: PrimitiveProgram.Node, _ input: Int, _ shape: [Int]) -> ProgramSchedule.PlannedStep? {
    guard shape.count >= 2 else { return nil }
    let isGroup = node.call.type == "GroupNormalization"
    let (channels, plane) = (shape[1], shape[2...].reduce(1, *))
    let groups = isGroup ? node.call.integer("num_groups", 1) : channels
    let scalesGroups = isGroup && node.call.opset < 21
    guard groups > 0, channels % groups == 0, let vectors = vectors(node, 1...2, scalesGroups ? groups : channels)
    else {
      return nil
    }
    let epsilon = node.call.real("epsilon", 1e-5)
    let perGroup = channels / groups
    let (name, operation) = (node.name, node.call.type)
    return planned(node, [input] + vectors) { pointers, output in
      TiledStep(name: name, operation: operation, tileCount: shape[0] * groups) { group, _ in
        let start = pointers[0] + group * perGroup * plane
        let mean = Sums.sum(start, perGroup * plane) / Double(perGroup * plane)
        let variance = Sums.squares(start, perGroup * plane, from: mean) / Double(perGroup * plane)
        let inverse = 1 / (variance + epsilon).squareRoot()
        for c in 0..<perGroup {
          let parameter = scalesGroups ? group % groups : group % groups * perGroup + c
          let factor = inverse * Double(pointers[1][parameter])
          let offset = Double(pointers[2][parameter]) - mean * factor
          let map = (group * perGroup + c) * plane
          Self.affine(pointers[0] + map, output + map, plane, Float(factor), Float(offset))
        }
      }
    }
  }

  /// One slope for all elements, or one a channel (the second axis, as exporters write it).
  private func slopes(_ node: PrimitiveProgram.Node, _ input: Int, _ shape: [Int]) -> ProgramSchedule.PlannedStep? {
    guard let slope = operand(node, 1), let given = floatShape(slope) else { return nil }
    let count = given.reduce(1, *)
    let isSingle = count == 1
    guard isSingle || (shape.count >= 2 && given.count == shape.count - 1 && given[0] == shape[1] && count == shape[1])
    else {
      return nil
    }
    let channels = isSingle ? 1 : shape[1]
    let run = isSingle ? shape.reduce(1, *) : shape[2...].reduce(1, *)
    let part = 16384
    let parts = (run + part - 1) / part
    let maps = isSingle ? 1 : shape[0] * channels
    let (name, operation) = (node.name, node.call.type)
    return planned(node, [input, slope]) { pointers, output in
      TiledStep(name: name, operation: operation, tileCount: maps * parts) { tile, _ in
        let (map, index) = tile.quotientAndRemainder(dividingBy: parts)
        let factor = pointers[1][map % channels]
        let start = map * run + index * part
        let (from, to) = (pointers[0] + start, output + start)
        for i in 0..<min(part, run - index * part) { to[i] = from[i] < 0 ? from[i] * factor : from[i] }
      }
    }
  }

  private func pointwise(_ node: PrimitiveProgram.Node, _ input: Int, _ shape: [Int]) -> ProgramSchedule.PlannedStep? {
    guard let op = node.primitive as? any PointwiseFunction, let function = op.pointwise else { return nil }
    let (count, part) = (shape.reduce(1, *), 4096)
    let (name, operation) = (node.name, node.call.type)
    return planned(node, [input]) { pointers, output in
      TiledStep(name: name, operation: operation, tileCount: (count + part - 1) / part) { tile, _ in
        for i in tile * part..<min(count, (tile + 1) * part) { output[i] = Float(function(Double(pointers[0][i]))) }
      }
    }
  }

  @inline(__always)
  private static func affine(_ from: ConstFloats, _ to: Floats, _ count: Int, _ factor: Float, _ offset: Float) {
    for i in 0..<count { to[i] = from[i] * factor + offset }
  }
}
