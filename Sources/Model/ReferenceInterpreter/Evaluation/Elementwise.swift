import GraphIR
import Tensors

extension ElementwiseUnary: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    var out = inputs[0]
    out.elements.withUnsafeMutableBufferPointer { x in
      switch function {
      case .gelu: for i in x.indices { x[i] = x[i] * (1 + Scalar.erf(x[i] * Scalar(0.5).squareRoot())) / 2 }
      case .softplus: for i in x.indices { x[i] = max(x[i], 0) + Scalar.log1p(Scalar.exp(-x[i].magnitude)) }
      case .exp: for i in x.indices { x[i] = Scalar.exp(x[i]) }
      case .negate: for i in x.indices { x[i] = -x[i] }
      }
    }
    return [out]
  }
}

extension ElementwiseBinary: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    var out = inputs[0]
    out.elements.withUnsafeMutableBufferPointer { a in
      inputs[1].elements.withUnsafeBufferPointer { b in
        switch function {
        case .add: for i in a.indices { a[i] += b[i] }
        case .multiply: for i in a.indices { a[i] *= b[i] }
        }
      }
    }
    return [out]
  }
}
