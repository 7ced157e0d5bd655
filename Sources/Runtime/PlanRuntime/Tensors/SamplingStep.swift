import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// Resize, Pad and poolings of the last two axes.
  mutating func sampling(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard let op = node.primitive as? any SeparablySampled, let input = operand(node, 0), let shape = floatShape(input),
      node.outputs.count == 1, let target = floatShape(node.outputs[0]), target.count == shape.count, shape.count >= 2,
      !shape.contains(0), !target.contains(0)
    else { return nil }
    // What says the sizes must be known; the region of interest does not count.
    var known: [Tensor?] = [nil]
    for position in 1..<max(node.call.inputs.count, 1) {
      guard let value = operand(node, position) else {
        known.append(nil)
        continue
      }
      guard let tensor = constant(value) else { return nil }
      known.append(tensor)
    }
    guard let sampling = try op.sampling(shape, known) else { return nil }
    let first = shape.count - 2
    guard (sampling.rows?.count ?? shape[first]) == target[first],
      (sampling.columns?.count ?? shape[first + 1]) == target[first + 1]
    else { return nil }
    let (name, operation, output) = (node.name, node.call.type, node.outputs[0])
    return ProgramSchedule.PlannedStep(inputs: [input], outputs: [output]) { memory, _ in
      let sampler = PlaneSampler(
        sampling, height: shape[first], width: shape[first + 1], input: try memory.requiredFloats(input),
        output: try memory.requiredTarget(output))
      let planes = shape[..<first].reduce(1, *)
      return TiledStep(
        name: name, operation: operation, tileCount: planes * sampler.partsPerPlane,
        scratchByteCount: sampler.scratchByteCount
      ) { tile, scratch in sampler.run(tile, scratch) }
    }
  }
}

/// Samples planes: along the rows into a line of scratch memory, then along the columns.
struct PlaneSampler {
  private let sampling: SeparableSampling
  private let height, width, outHeight, outWidth: Int
  private let input: ConstFloats
  private let output: Floats
  private let rowsPerPart: Int

  init(_ sampling: SeparableSampling, height: Int, width: Int, input: ConstFloats, output: Floats) {
    self.sampling = sampling
    self.height = height
    self.width = width
    outHeight = sampling.rows?.count ?? height
    outWidth = sampling.columns?.count ?? width
    self.input = input
    self.output = output
    rowsPerPart = max(1, 16384 / max(outWidth, 1))
  }

  var scratchByteCount: Int { width * 4 }
  var partsPerPlane: Int { (outHeight + rowsPerPart - 1) / rowsPerPart }

  func run(_ tile: Int, _ scratch: Floats) {
    let (plane, part) = tile.quotientAndRemainder(dividingBy: partsPerPlane)
    let from = input + plane * height * width
    let to = output + plane * outHeight * outWidth
    for y in part * rowsPerPart..<min(outHeight, (part + 1) * rowsPerPart) {
      let target = to + y * outWidth
      guard let line = line(from, y, scratch) else {
        target.update(repeating: sampling.fill, count: outWidth)
        continue
      }
      columns(line, target)
    }
  }

  /// Row `y` of the result before its columns are sampled; nil where it is the fill value.
  @inline(__always)
  private func line(_ plane: ConstFloats, _ y: Int, _ scratch: Floats) -> ConstFloats? {
    guard let rows = sampling.rows else { return plane + y * width }
    let taps = Int(rows.starts[y])..<Int(rows.starts[y + 1])
    guard let first = taps.first else { return nil }
    let source = plane + Int(rows.places[first]) * width
    if sampling.combination == .copy || (taps.count == 1 && rows.weights[first] == 1) { return source }
    if sampling.combination == .maximum {
      scratch.update(from: source, count: width)
      for tap in taps.dropFirst() { Self.maximum(plane + Int(rows.places[tap]) * width, scratch, width) }
    } else {
      let weight = rows.weights[first]
      for x in 0..<width { scratch[x] = weight * source[x] }
      for tap in taps.dropFirst() {
        let (other, weight) = (plane + Int(rows.places[tap]) * width, rows.weights[tap])
        for x in 0..<width { scratch[x] += weight * other[x] }
      }
    }
    return ConstFloats(scratch)
  }

  @inline(__always)
  private func columns(_ line: ConstFloats, _ target: Floats) {
    guard let columns = sampling.columns else { return target.update(from: line, count: outWidth) }
    columns.starts.withUnsafeBufferPointer { starts in
      columns.places.withUnsafeBufferPointer { places in
        columns.weights.withUnsafeBufferPointer { weights in
          switch sampling.combination {
          case .copy:
            for x in 0..<outWidth {
              target[x] = starts[x] == starts[x + 1] ? sampling.fill : line[Int(places[Int(starts[x])])]
            }
          case .weightedSum:
            for x in 0..<outWidth {
              var sum: Float = 0
              for tap in Int(starts[x])..<Int(starts[x + 1]) { sum += weights[tap] * line[Int(places[tap])] }
              target[x] = sum
            }
          case .maximum:
            for x in 0..<outWidth {
              var best = line[Int(places[Int(starts[x])])]
              for tap in Int(starts[x])..<Int(starts[x + 1]) { best = Self.larger(best, line[Int(places[tap])]) }
              target[x] = best
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private static func larger(_ a: Float, _ b: Float) -> Float { b > a ? b : a }

  @inline(__always)
  private static func maximum(_ source: ConstFloats, _ target: Floats, _ count: Int) {
    for x in 0..<count { target[x] = larger(target[x], source[x]) }
  }
}
