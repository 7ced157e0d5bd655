import Foundation
import GraphIR
import Tensors

extension Raiser {
  /// The product of two maps, of which one may have one channel.
  ///
  /// Scalar factors are taken out first, so that the ways in which a GELU or a norm can be spelt meet in one.
  mutating func product(_ a: ValueID, _ b: ValueID) throws -> ValueID {
    let (x, y) = (affineParts(a), affineParts(b))
    if let gelu = try gelu(x, y) ?? gelu(y, x) { return gelu }
    if x.change.isScalar, y.change.isScalar, x.change.shift == [0], y.change.shift == [0] {
      let scale = x.change.scale[0] * y.change.scale[0]
      if let norm = try norm(x.base, y.base, scale) ?? norm(y.base, x.base, scale) { return norm }
      if scale != 1 { return try affine(product(x.base, y.base), AffineChange(scale: [scale], shift: [0])) }
    }
    return try rawProduct(a, b)
  }

  /// Two maps of one type are EVSSM's product, the norm or the gate's other half first.
  private mutating func rawProduct(_ a: ValueID, _ b: ValueID) throws -> ValueID {
    guard type(a) == type(b) else { return try addOne(RaisedOperator(.binary("Mul")), [a, b]) }
    let ordered = productRank(a) <= productRank(b) ? [a, b] : [b, a]
    return try addOne(ElementwiseBinary(.multiply), ordered)
  }

  /// LayerNorm before GELU before all else, as the fused stages expect.
  private func productRank(_ value: ValueID) -> Int {
    switch producer(value)?.op {
    case is LayerNorm: 0
    case let unary as ElementwiseUnary where unary.function == .gelu: 1
    default: 2
    }
  }

  /// The sum of two maps.
  mutating func sum(_ a: ValueID, _ b: ValueID) throws -> ValueID {
    if isZero(a), type(a) == type(b) { return b }
    if isZero(b), type(a) == type(b) { return a }
    if let centred = try centred(a, b) ?? centred(b, a) { return centred }
    if let softplus = try stableSoftplus(a, b) ?? stableSoftplus(b, a) { return softplus }
    if let scan = try scanWithSkip(a, b) ?? scanWithSkip(b, a) { return scan }
    if let framed = try sumInFrame(a, b) ?? sumInFrame(b, a) { return framed }
    guard type(a) == type(b) else { return try addOne(RaisedOperator(.binary("Add")), [a, b]) }
    let ordered = sumRank(a) <= sumRank(b) ? [a, b] : [b, a]
    return try addOne(ElementwiseBinary(.add), ordered)
  }

  /// A convolution before the map it is added to, a projection or filter behind it, as the fused stages expect.
  private func sumRank(_ value: ValueID) -> Int {
    switch producer(value)?.op {
    case is Convolution: 0
    case is PointwiseLinear, is Crop: 2
    default: 1
    }
  }

  private func isZero(_ value: ValueID) -> Bool {
    if case .filled(0, _)? = (producer(value)?.op as? RaisedOperator)?.kind { return true }
    return false
  }

  func raised(_ value: ValueID, _ kind: RaisedOperator.Kind) -> ValueID? {
    guard let made = producer(value), (made.op as? RaisedOperator)?.kind == kind else { return nil }
    return made.inputs[0]
  }
}

/// Whether two numbers are the same but for rounding in float32.
func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 2e-6) -> Bool {
  abs(a - b) <= tolerance * max(abs(a), abs(b))
}
