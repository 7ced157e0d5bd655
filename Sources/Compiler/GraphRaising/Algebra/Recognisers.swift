import Foundation
import GraphIR
import Tensors

// What products and sums of maps amount to. Each recogniser proves its form from the operators and, for constants, from
// their values to the rounding of float32; anything else stays a product or sum.

extension Raiser {
  /// x·½(1 + erf(x/√2)), wherever the ½ was written.
  mutating func gelu(
    _ x: (base: ValueID, change: AffineChange), _ gate: (base: ValueID, change: AffineChange)
  ) throws -> ValueID? {
    guard let argument = raised(gate.base, .unary("Erf")), gate.change.isScalar, x.change.isScalar else { return nil }
    let (base, inner) = affineParts(argument)
    guard inner.isScalar else { return nil }
    let half = gate.change.scale[0]
    guard isClose(gate.change.shift[0], half) else { return nil }
    // The argument is x/√2 for the x that is multiplied, up to a scale outside.
    guard base == x.base, inner.scale[0] != 0, x.change.scale[0] != 0 else { return nil }
    let (a, t) = (snapToOne(inner.scale[0] * 2.0.squareRoot()), inner.shift[0] * 2.0.squareRoot())
    let outer = x.change.scale[0] / a
    guard abs(x.change.shift[0] - t * outer) <= 2e-6 * max(1, abs(x.change.shift[0])) else { return nil }
    let whole = try affine(x.base, AffineChange(scale: [a], shift: [t]))
    let result = try addOne(ElementwiseUnary(.gelu), [whole])
    applied("x·½(1 + erf(x/√2)) is GELU")
    return try affine(result, AffineChange(scale: [snapToOne(2 * half * outer)], shift: [0]))
  }

  /// x · (Σx² · s² + …)^(−1/2): an RMS norm, or a layer norm when x has its mean subtracted.
  mutating func norm(_ x: ValueID, _ root: ValueID, _ scale: Double) throws -> ValueID? {
    guard let inside = raised(root, .unary("Rsqrt")), let channels = channels(x) else { return nil }
    let (sum, change) = affineParts(inside)
    guard change.isScalar, change.scale == [1], let square = raised(sum, .sumChannels),
      let made = producer(square), (made.op as? ElementwiseBinary)?.function == .multiply, made.inputs == [x, x]
    else { return nil }
    let epsilon = change.shift[0] / Double(channels)
    guard epsilon > 0 else { return nil }
    let factor = AffineChange(scale: [snapToOne(scale / Double(channels).squareRoot())], shift: [0])
    if let centred = raised(x, .centre) {
      let ones = edit.constant("", try Tensor(shape: [channels], doubles: [Double](repeating: 1, count: channels)))
      let zeros = edit.constant("", try Tensor(shape: [channels], doubles: [Double](repeating: 0, count: channels)))
      applied("(x − mean)·(variance + ε)^(−1/2) is a layer norm")
      return try affine(addOne(LayerNorm(epsilon: Self.rounded(epsilon)), [centred, ones, zeros]), factor)
    }
    applied("x·(mean of x² + ε)^(−1/2) is an RMS norm")
    return try affine(addOne(RMSNorm(epsilon: Self.rounded(epsilon)), [x]), factor)
  }

  /// x − Σx/C.
  mutating func centred(_ x: ValueID, _ other: ValueID) throws -> ValueID? {
    let (base, change) = affineParts(other)
    guard change.isScalar, change.shift == [0], raised(base, .sumChannels) == x, let channels = channels(x),
      isClose(change.scale[0], -1 / Double(channels))
    else { return nil }
    return try addOne(RaisedOperator(.centre), [x])
  }

  /// log(1 + exp(x)).
  mutating func logarithm(_ value: ValueID) throws -> ValueID {
    let (base, change) = affineParts(value)
    if change.isScalar, change.scale == [1], change.shift == [1], let made = producer(base),
      (made.op as? ElementwiseUnary)?.function == .exp
    {
      applied("log(1 + exp(x)) is softplus")
      return try softplus(made.inputs[0])
    }
    return try addOne(RaisedOperator(.unary("Log")), [value])
  }

  mutating func softplus(_ value: ValueID) throws -> ValueID { try addOne(ElementwiseUnary(.softplus), [value]) }

  /// max(x, 0) + log(1 + exp(−|x|)).
  mutating func stableSoftplus(_ positive: ValueID, _ rest: ValueID) throws -> ValueID? {
    guard let x = raised(positive, .unary("Relu")), let made = producer(rest),
      (made.op as? ElementwiseUnary)?.function == .softplus
    else { return nil }
    let (base, change) = affineParts(made.inputs[0])
    guard change.isScalar, change.scale == [-1], change.shift == [0], raised(base, .unary("Abs")) == x else {
      return nil
    }
    applied("max(x, 0) + log(1 + exp(−|x|)) is softplus")
    return try softplus(x)
  }

  /// Where x is large, softplus(x) is x: PyTorch writes it so.
  mutating func thresholdedSoftplus(_ condition: ValueID, _ then: ValueID, _ otherwise: ValueID) throws -> ValueID? {
    guard let made = producer(condition), case .exceeds(let threshold)? = (made.op as? RaisedOperator)?.kind,
      made.inputs[0] == then, let inner = producer(otherwise),
      (inner.op as? ElementwiseUnary)?.function == .softplus, inner.inputs[0] == then
    else { return nil }
    // Below 16 the two differ by more than half a unit in the last place of float32.
    guard threshold >= 16 else { return nil }
    return otherwise
  }

  /// A scan without a direct term, plus D·u.
  mutating func scanWithSkip(_ scan: ValueID, _ direct: ValueID) throws -> ValueID? {
    guard let made = producer(scan), made.op is SelectiveScan, let skip = edit[made.inputs[5]].constant,
      skip.doubles().allSatisfy({ $0 == 0 })
    else { return nil }
    let (base, change) = affineParts(direct)
    guard base == made.inputs[0], change.shift.allSatisfy({ $0 == 0 }) else { return nil }
    let values = AffineChange.combine(change.scale, [Double](repeating: 1, count: skip.elementCount), *)
    let constant = edit.constant("Ds", try Tensor(shape: [skip.elementCount], doubles: values))
    applied("D·u is the direct term of the scan")
    return try addOne(made.op, made.inputs.dropLast() + [constant])
  }

  private func snapToOne(_ value: Double) -> Double { isClose(value, 1) ? 1 : value }

  /// A constant of float32 as the decimal that was meant, so that equal networks have equal epsilons.
  static func rounded(_ value: Double) -> Double { Double("\(Float(value))") ?? value }
}
