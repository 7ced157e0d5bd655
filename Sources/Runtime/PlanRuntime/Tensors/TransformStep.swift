import CKernels
import PrimitiveOperators
import Tensors

extension StepPlanner {
  /// DFT of short lines with known length and axis, in both directions, by its definition.
  mutating func transform(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.call.type == "DFT", let input = operand(node, 0), let shape = floatShape(input), !shape.contains(0),
      let target = floatShape(node.outputs[0]), shape.count >= 2, target.count == shape.count
    else { return nil }
    let rank = shape.count
    var axis = node.call.opset < 20 ? node.call.integer("axis", 1) : -2
    if let value = operand(node, 2) {
      guard let given = constant(value)?.integers().first else { return nil }
      axis = Int(given)
    }
    if axis < 0 { axis += rank }
    guard (0..<rank - 1).contains(axis) else { return nil }
    let isInverse = node.call.integer("inverse", 0) != 0
    let mirrors = isInverse && node.call.integer("onesided", 0) != 0
    var length = mirrors ? 2 * (shape[axis] - 1) : shape[axis]
    if let value = operand(node, 1) {
      guard let given = constant(value)?.integers().first else { return nil }
      length = Int(given)
    }
    guard (1...128).contains(length), target[axis] <= length else { return nil }
    let transform = LineTransform(
      length: length, size: shape[axis], results: target[axis], isInverse: isInverse, mirrors: mirrors,
      parts: shape[rank - 1], resultParts: target[rank - 1], inner: shape[(axis + 1)..<(rank - 1)].reduce(1, *))
    let count = shape[..<axis].reduce(1, *) * transform.inner
    let (name, operation, output) = (node.name, node.call.type, node.outputs[0])
    return ProgramSchedule.PlannedStep(inputs: [input], outputs: [output]) { memory, _ in
      let (from, to) = (try memory.requiredFloats(input), try memory.requiredTarget(output))
      let block = LineTransform.block
      return TiledStep(
        name: name, operation: operation, tileCount: (count + block - 1) / block,
        scratchByteCount: transform.scratchByteCount
      ) { tile, scratch in transform.run(from, to, tile * block..<min(count, (tile + 1) * block), scratch) }
    }
  }
}

/// Transforms of lines by the definition, some dozens of lines side by side.
struct LineTransform {
  /// Lines that are transformed together.
  static let block = 64

  /// Numbers of a transform, elements of a line in memory, and results that are asked for.
  let length, size, results: Int
  /// Whether the other half of the spectrum is the conjugate of the given one.
  let mirrors: Bool
  /// Complex numbers have two parts.
  let parts, resultParts: Int
  /// Elements between neighbours on a line.
  let inner: Int
  private let cosines, sines: [Float]

  init(
    length: Int, size: Int, results: Int, isInverse: Bool, mirrors: Bool, parts: Int, resultParts: Int, inner: Int
  ) {
    (self.length, self.size, self.results) = (length, size, results)
    (self.parts, self.resultParts, self.mirrors, self.inner) = (parts, resultParts, mirrors, inner)
    let scale = isInverse ? 1 / Double(length) : 1
    let roots = (0..<length).map { Roots.root(of: length, power: isInverse ? $0 : length - $0) }
    cosines = roots.map { Float($0.cosine * scale) }
    sines = roots.map { Float($0.sine * scale) }
  }

  /// Real and imaginary parts of a block's lines and of one result of each.
  var scratchByteCount: Int { 2 * (length + 1) * Self.block * 4 }

  /// Transforms the lines of `range`; line number l begins at element (l / inner, l % inner).
  func run(_ from: ConstFloats, _ to: Floats, _ range: Range<Int>, _ scratch: Floats) {
    let block = Self.block
    let (re, im) = (scratch, scratch + length * block)
    let (sumRe, sumIm) = (scratch + 2 * length * block, scratch + (2 * length + 1) * block)
    let given = gather(from, range, re, im)
    for k in 0..<results {
      sumRe.update(repeating: 0, count: block)
      sumIm.update(repeating: 0, count: block)
      for n in 0..<given {
        let (cosine, sine) = (cosines[k * n % length], sines[k * n % length])
        let (x, y) = (re + n * block, im + n * block)
        for j in 0..<block {
          sumRe[j] += x[j] * cosine - y[j] * sine
          sumIm[j] += x[j] * sine + y[j] * cosine
        }
      }
      for (j, line) in range.enumerated() {
        let (outer, position) = line.quotientAndRemainder(dividingBy: inner)
        let target = to + ((outer * results + k) * inner + position) * resultParts
        target[0] = sumRe[j]
        if resultParts == 2 { target[1] = sumIm[j] }
      }
    }
  }

  /// Puts the elements of the lines side by side, zeros behind the last line. Returns how many elements a line then has.
  private func gather(_ from: ConstFloats, _ range: Range<Int>, _ re: Floats, _ im: Floats) -> Int {
    let block = Self.block
    let taken = min(size, length)
    for n in 0..<taken {
      let (x, y) = (re + n * block, im + n * block)
      for (j, line) in range.enumerated() {
        let (outer, position) = line.quotientAndRemainder(dividingBy: inner)
        let source = from + ((outer * size + n) * inner + position) * parts
        x[j] = source[0]
        y[j] = parts == 2 ? source[1] : 0
      }
      for j in range.count..<block { (x[j], y[j]) = (0, 0) }
    }
    guard mirrors else { return taken }
    for n in taken..<length { (re + n * block).update(repeating: 0, count: block) }
    for n in taken..<length { (im + n * block).update(repeating: 0, count: block) }
    for n in 1..<max(1, min(taken, (length + 1) / 2)) where length - n >= taken {
      let other = length - n
      for j in 0..<block {
        re[other * block + j] = re[n * block + j]
        im[other * block + j] = -im[n * block + j]
      }
    }
    return length
  }
}
