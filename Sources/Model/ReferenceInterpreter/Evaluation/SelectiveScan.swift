import GraphIR
import Tensors

extension SelectiveScan: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let map = inputs[0]
    let order = scanOrder(frame, height: map.height, width: map.width)
    let states = inputs[2].shape[1]
    var out = ReferenceArray<Scalar>(map.shape)
    let line = inputs.map { $0.shape.count == 4 ? $0.gathered(order, shape: $0.shape).elements : $0.elements }
    var y = [Scalar](repeating: 0, count: map.pixels)
    for channel in 0..<map.channels {
      let start = channel * map.pixels
      let pixels = start..<start + map.pixels
      let decays = channel * states..<(channel + 1) * states
      let channelLine = ChannelLine(
        u: Array(line[0][pixels]), delta: Array(line[1][pixels]), decay: Array(line[2][decays]), b: line[3],
        c: line[4], skip: line[5][channel])
      channelLine.scan(base, into: &y)
      for (l, pixel) in order.enumerated() { out.elements[start + pixel] = y[l] }
    }
    return [out]
  }
}

/// One channel's inputs along the scan; b and c are (states, length).
private struct ChannelLine<Scalar: ReferenceScalar> {
  var u, delta, decay, b, c: [Scalar]
  var skip: Scalar

  func scan(_ base: SelectiveScan.Base, into y: inout [Scalar]) {
    let length = u.count
    for l in 0..<length { y[l] = skip * u[l] }
    y.withUnsafeMutableBufferPointer { y in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeBufferPointer { c in
          for n in decay.indices {
            var h: Scalar = 0
            for l in 0..<length {
              let exponent = delta[l] * decay[n]
              let factor = base == .two ? Scalar.exp2(exponent) : Scalar.exp(exponent)
              h = factor * h + delta[l] * u[l] * b[n * length + l]
              y[l] += h * c[n * length + l]
            }
          }
        }
      }
    }
  }
}
