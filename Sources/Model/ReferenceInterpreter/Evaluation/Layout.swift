import GraphIR
import Tensors

/// For each place of a map in `frame`, row by row, the index of its pixel in the upright map.
func scanOrder(_ frame: Frame, height: Int, width: Int) -> [Int] {
  let framed = frame.size(height, width)
  return (0..<framed.height).flatMap { row in
    (0..<framed.width).map { frame.uprightIndex(row: row, column: $0, height: height, width: width) }
  }
}

extension ReferenceArray {
  /// Every channel's pixels gathered: result[c][i] = self[c][order[i]].
  func gathered(_ order: [Int], shape: [Int]) -> ReferenceArray {
    var out = ReferenceArray(shape)
    let count = order.count
    for c in 0..<channels { for i in 0..<count { out.elements[c * count + i] = elements[c * pixels + order[i]] } }
    return out
  }

  /// The inverse of ``gathered(_:shape:)``: result[c][order[i]] = self[c][i].
  func scattered(_ order: [Int], shape: [Int]) -> ReferenceArray {
    var out = ReferenceArray(shape)
    let count = order.count
    for c in 0..<channels { for i in 0..<count { out.elements[c * count + order[i]] = elements[c * count + i] } }
    return out
  }

  /// The part of a map that begins at `top`, `left`.
  func part(top: Int, left: Int, height partHeight: Int, width partWidth: Int) -> ReferenceArray {
    var out: [Scalar] = []
    out.reserveCapacity(channels * partHeight * partWidth)
    for c in 0..<channels {
      for row in top..<top + partHeight {
        let at = (c * height + row) * width + left
        out += elements[at..<at + partWidth]
      }
    }
    return ReferenceArray([1, channels, partHeight, partWidth], from: out)
  }
}

extension ChangeFrame: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let map = inputs[0]
    return [map.gathered(scanOrder(frame, height: map.height, width: map.width), shape: context.shapes[0])]
  }
}

extension Split: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let map = inputs[0]
    var channel = 0
    return sizes.indices.map { i in
      let range = channel * map.pixels..<(channel + sizes[i]) * map.pixels
      channel += sizes[i]
      return ReferenceArray(context.shapes[i], from: Array(map.elements[range]))
    }
  }
}

extension Crop: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let map = inputs[0]
    let (height, width) = (context.shapes[0][2], context.shapes[0][3])
    guard height <= map.height, width <= map.width else {
      throw EVSSMError("interpreter.crop", "A map \(map.shape) is cropped to \(height)×\(width).", category: .usage)
    }
    let (top, left) = keeping == .start ? (0, 0) : (map.height - height, map.width - width)
    return [map.part(top: top, left: left, height: height, width: width)]
  }
}

extension ReflectPad: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let map = inputs[0]
    let (height, width) = (context.shapes[0][2], context.shapes[0][3])
    guard height - map.height < map.height, width - map.width < map.width else {
      throw EVSSMError(
        "interpreter.pad",
        "A map of \(map.height)×\(map.width) is too small to be padded by reflection to \(height)×\(width). "
          + "Pictures need at least 20 pixels a side.", category: .usage)
    }
    func source(_ i: Int, _ size: Int, _ padded: Int) -> Int {
      let at = growing == .end ? i : i - (padded - size)
      return at < 0 ? -at : at < size ? at : 2 * (size - 1) - at
    }
    let columns = (0..<width).map { source($0, map.width, width) }
    let order = (0..<height).flatMap { row in
      let base = source(row, map.height, height) * map.width
      return columns.map { base + $0 }
    }
    return [map.gathered(order, shape: context.shapes[0])]
  }
}
