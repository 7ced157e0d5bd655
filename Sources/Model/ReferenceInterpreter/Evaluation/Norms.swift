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
    var scales = [Scalar](repeating: 0, count: pixels)
    map.elements.withUnsafeMutableBufferPointer { x in
      scales.withUnsafeMutableBufferPointer { scale in
        for c in 0..<channels { for p in 0..<pixels { scale[p] += x[c * pixels + p] * x[c * pixels + p] } }
        for p in 0..<pixels { scale[p] = 1 / (scale[p] / Scalar(channels) + Scalar(epsilon)).squareRoot() }
        for c in 0..<channels {
          let (weight, bias) = affine ? (inputs[1].elements[c], inputs[2].elements[c]) : (1, 0)
          for p in 0..<pixels { x[c * pixels + p] = x[c * pixels + p] * scale[p] * weight + bias }
        }
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
    var means = [Scalar](repeating: 0, count: pixels)
    var scales = means
    map.elements.withUnsafeMutableBufferPointer { x in
      means.withUnsafeMutableBufferPointer { mean in
        scales.withUnsafeMutableBufferPointer { scale in
          for c in 0..<channels { for p in 0..<pixels { mean[p] += x[c * pixels + p] } }
          for p in 0..<pixels { mean[p] /= Scalar(channels) }
          for c in 0..<channels {
            for p in 0..<pixels {
              x[c * pixels + p] -= mean[p]
              scale[p] += x[c * pixels + p] * x[c * pixels + p]
            }
          }
          for p in 0..<pixels { scale[p] = 1 / (scale[p] / Scalar(channels) + Scalar(epsilon)).squareRoot() }
          for c in 0..<channels {
            for p in 0..<pixels { x[c * pixels + p] = x[c * pixels + p] * scale[p] * weight[c] + bias[c] }
          }
        }
      }
    }
    return [map]
  }
}
