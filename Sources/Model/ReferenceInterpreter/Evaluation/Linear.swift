import GraphIR
import Tensors

extension ReferenceArray {
  /// A map whose channels are all one value each.
  init(_ shape: [Int], channelValues: [Scalar]?) {
    let pixels = shape[2] * shape[3]
    guard let channelValues else {
      self.init(shape)
      return
    }
    self.init(shape, from: channelValues.flatMap { [Scalar](repeating: $0, count: pixels) })
  }
}

extension PointwiseLinear: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let (map, weight) = (inputs[0], inputs[1])
    var out = ReferenceArray(context.shapes[0], channelValues: inputs.count == 3 ? inputs[2].elements : nil)
    accumulateProduct(weight.elements, map.elements, inner: map.channels, into: &out)
    return [out]
  }
}

/// out += weight · map over the channels.
func accumulateProduct<Scalar: ReferenceScalar>(
  _ weight: [Scalar], _ map: [Scalar], inner: Int, into out: inout ReferenceArray<Scalar>
) {
  let (rows, columns) = (out.channels, out.pixels)
  weight.withUnsafeBufferPointer { a in
    map.withUnsafeBufferPointer { b in
      out.elements.withUnsafeMutableBufferPointer { c in
        guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
        Scalar.accumulateProduct(rows: rows, columns: columns, inner: inner, a, b, c)
      }
    }
  }
}

extension ReferenceArray {
  /// The map moved so that result[y, x] = self[y + rows, x + columns], zero where that lies outside.
  func shifted(rows: Int, columns: Int) -> ReferenceArray {
    var out = ReferenceArray(shape)
    out.accumulate(self, factors: [Scalar](repeating: 1, count: channels), rows: rows, columns: columns)
    return out
  }

  /// self[c, y, x] += factors[c] · map[c, y + rows, x + columns], where that lies inside.
  mutating func accumulate(_ map: ReferenceArray, factors: [Scalar], rows: Int, columns: Int) {
    let (height, width) = (self.height, self.width)
    let first = max(0, -columns)
    let count = width - columns.magnitudeAsInt
    if count <= 0 { return }
    let ys = max(0, -rows)..<max(max(0, -rows), min(height, height - rows))
    elements.withUnsafeMutableBufferPointer { out in
      map.elements.withUnsafeBufferPointer { source in
        guard let out = out.baseAddress, let source = source.baseAddress else { return }
        for (c, factor) in factors.enumerated() {
          for y in ys {
            let to = (c * height + y) * width + first
            let from = (c * height + y + rows) * width + first + columns
            Scalar.accumulate(count, factor, source + from, out + to)
          }
        }
      }
    }
  }
}

extension Int {
  fileprivate var magnitudeAsInt: Int { self < 0 ? -self : self }
}

extension Convolution: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let (map, weight) = (inputs[0], inputs[1])
    let side = weight.shape[3]
    let matrix = weight.shape[0] * weight.shape[1]
    var out = ReferenceArray<Scalar>(context.shapes[0])
    for row in 0..<side {
      for column in 0..<side {
        let tap = (0..<matrix).map { weight.elements[($0 * side + row) * side + column] }
        let moved = map.shifted(rows: row - side / 2, columns: column - side / 2)
        accumulateProduct(tap, moved.elements, inner: map.channels, into: &out)
      }
    }
    return [out]
  }
}

extension DepthwiseConvolution: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let (map, weight) = (inputs[0], inputs[1])
    var out = ReferenceArray(context.shapes[0], channelValues: inputs.count == 3 ? inputs[2].elements : nil)
    for row in 0..<3 {
      for column in 0..<3 {
        let factors = (0..<map.channels).map { weight.elements[($0 * 3 + row) * 3 + column] }
        out.accumulate(map, factors: factors, rows: row - 1, columns: column - 1)
      }
    }
    return [out]
  }
}

extension ScanConvolution: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let (map, weight) = (inputs[0], inputs[1])
    let taps = weight.shape[1]
    let order = scanOrder(frame, height: map.height, width: map.width)
    let line = map.gathered(order, shape: [1, map.channels, 1, map.pixels])
    var out = ReferenceArray(line.shape, channelValues: inputs[2].elements)
    for tap in 0..<taps {
      let factors = (0..<map.channels).map { weight.elements[$0 * taps + tap] }
      out.accumulate(line, factors: factors, rows: 0, columns: tap - taps / 2)
    }
    return [out.scattered(order, shape: map.shape)]
  }
}
