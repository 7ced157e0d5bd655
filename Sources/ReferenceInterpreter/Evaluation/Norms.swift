import GraphIR
import Tensors

extension RMSNorm: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    var map = inputs[0]
    let (channels, pixels) = (map.channels, map.pixels)
    let affine = inputs.count == 3
    map.elements.withUnsafeMutableBufferPointer { x in
      for p in 0..<pixels {
        var sum: Scalar = 0
        for c in 0..<channels { sum += x[c * pixels + p] * x[c * pixels + p] }
        let scale = 1 / (sum / Scalar(channels) + Scalar(epsilon)).squareRoot()
        for c in 0..<channels { x[c * pixels + p] *= scale }
      }
      if !affine { return }
      for c in 0..<channels {
        let (weight, bias) = (inputs[1].elements[c], inputs[2].elements[c])
        for i in c * pixels..<(c + 1) * pixels { x[i] = x[i] * weight + bias }
      }
    }
    return [map]
  }
}

extension LayerNorm: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    var map = inputs[0]
    let (channels, pixels) = (map.channels, map.pixels)
    let (weight, bias) = (inputs[1].elements, inputs[2].elements)
    map.elements.withUnsafeMutableBufferPointer { x in
      for p in 0..<pixels {
        var sum: Scalar = 0
        for c in 0..<channels { sum += x[c * pixels + p] }
        let mean = sum / Scalar(channels)
        var squares: Scalar = 0
        for c in 0..<channels { squares += (x[c * pixels + p] - mean) * (x[c * pixels + p] - mean) }
        let scale = 1 / (squares / Scalar(channels) + Scalar(epsilon)).squareRoot()
        for c in 0..<channels { x[c * pixels + p] = (x[c * pixels + p] - mean) * scale * weight[c] + bias[c] }
      }
    }
    return [map]
  }
}
