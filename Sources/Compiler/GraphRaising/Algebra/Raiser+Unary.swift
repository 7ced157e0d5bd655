import GraphIR
import Tensors

extension Raiser {
  /// 1/x; of a root, the reciprocal root.
  mutating func reciprocal(_ value: ValueID) throws -> ValueID {
    let (base, change) = affineParts(value)
    if change.isScalar, change.shift == [0], change.scale[0] != 0, change.scale[0] != 1 {
      return try affine(reciprocal(base), AffineChange(scale: [1 / change.scale[0]], shift: [0]))
    }
    if let inside = raised(value, .unary("Sqrt")) { return try reciprocalRoot(inside) }
    return try addOne(RaisedOperator(.unary("Reciprocal")), [value])
  }

  mutating func root(_ value: ValueID) throws -> ValueID {
    if let inside = raised(value, .unary("Reciprocal")) { return try reciprocalRoot(inside) }
    return try addOne(RaisedOperator(.unary("Sqrt")), [value])
  }

  /// (s·x + t)^(−1/2) = s^(−1/2)·(x + t/s)^(−1/2): the scale comes out.
  mutating func reciprocalRoot(_ value: ValueID) throws -> ValueID {
    let (base, change) = affineParts(value)
    if change.isScalar, change.scale[0] > 0, change.scale[0] != 1 {
      let scale = change.scale[0]
      let inside = try affine(base, AffineChange(scale: [1], shift: [change.shift[0] / scale]))
      let root = try addOne(RaisedOperator(.unary("Rsqrt")), [inside])
      return try affine(root, AffineChange(scale: [1 / scale.squareRoot()], shift: [0]))
    }
    return try addOne(RaisedOperator(.unary("Rsqrt")), [value])
  }

  mutating func power(_ value: ValueID, _ exponent: Double) throws -> ValueID? {
    switch exponent {
    case 1: return value
    case 2: return try product(value, value)
    case 0.5: return try root(value)
    case -0.5: return try reciprocalRoot(value)
    case -1: return try reciprocal(value)
    default: return nil
    }
  }

  /// A function of each element by ONNX's name. Nil when it is none that is known.
  mutating func unary(_ type: String, _ value: ValueID) throws -> ValueID? {
    switch type {
    case "Neg": return try affine(value, AffineChange(scale: [-1], shift: [0]))
    case "Exp": return try addOne(ElementwiseUnary(.exp), [value])
    case "Softplus": return try softplus(value)
    case "Log": return try logarithm(value)
    case "Sqrt": return try root(value)
    case "Reciprocal": return try reciprocal(value)
    case "Erf", "Abs", "Relu": return try addOne(RaisedOperator(.unary(type)), [value])
    default: return nil
    }
  }
}
