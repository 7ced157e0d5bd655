import GraphIR
import Tensors

/// x · scale + shift, a number for all channels or one for each.
struct AffineChange {
  var scale: [Double]
  var shift: [Double]

  static let identity = AffineChange(scale: [1], shift: [0])

  var isIdentity: Bool { scale.allSatisfy { $0 == 1 } && shift.allSatisfy { $0 == 0 } }
  var isScalar: Bool { scale.count == 1 && shift.count == 1 }

  /// This change and then another one.
  func then(_ next: AffineChange) -> AffineChange {
    AffineChange(
      scale: Self.combine(scale, next.scale, *), shift: Self.combine(Self.combine(shift, next.scale, *), next.shift, +))
  }

  static func combine(_ a: [Double], _ b: [Double], _ f: (Double, Double) -> Double) -> [Double] {
    (0..<max(a.count, b.count)).map { f(a[a.count == 1 ? 0 : $0], b[b.count == 1 ? 0 : $0]) }
  }
}

extension Raiser {
  /// A value as an affine function of another one: of itself, if nothing better is known.
  func affineParts(_ value: ValueID) -> (base: ValueID, change: AffineChange) {
    guard let made = producer(value), let raised = made.op as? RaisedOperator, raised.kind == .affine,
      let scale = edit[made.inputs[1]].constant, let shift = edit[made.inputs[2]].constant
    else { return (value, .identity) }
    return (made.inputs[0], AffineChange(scale: scale.doubles(), shift: shift.doubles()))
  }

  /// x · scale + shift, taken up by the operator that made x where that is possible.
  mutating func affine(_ value: ValueID, _ change: AffineChange) throws -> ValueID {
    let (base, inner) = affineParts(value)
    let whole = inner.then(change)
    if whole.isIdentity { return base }
    // A plain factor may be part of a GELU or norm that is still to come.
    if !whole.isScalar, let absorbed = try absorb(whole, into: base) { return absorbed }
    func constant(_ values: [Double]) throws -> ValueID {
      edit.constant("", try Tensor(shape: values.count == 1 ? [] : [values.count], doubles: values))
    }
    return try addOne(RaisedOperator(.affine), [base, constant(whole.scale), constant(whole.shift)])
  }

  /// The value with a scaling or shift that it ends in taken up by the operator before that.
  mutating func settled(_ value: ValueID) throws -> ValueID {
    let (base, change) = affineParts(value)
    return try change.isIdentity ? value : absorb(change, into: base) ?? value
  }

  /// The change as part of the weights of a linear operator or a norm.
  private mutating func absorb(_ change: AffineChange, into base: ValueID) throws -> ValueID? {
    guard let made = producer(base), let channels = channels(base) else { return nil }
    let constants = made.inputs.dropFirst().map { edit[$0].constant }
    guard constants.allSatisfy({ $0 != nil }) else { return nil }
    let x = made.inputs[0]
    let wide = AffineChange(
      scale: AffineChange.combine(change.scale, [Double](repeating: 1, count: channels), *),
      shift: AffineChange.combine(change.shift, [Double](repeating: 0, count: channels), +))
    switch made.op {
    case is PointwiseLinear, is DepthwiseConvolution:
      return try absorbIntoWeights(made.op, x, made.inputs, change, wide)
    case is Convolution where change.shift.allSatisfy { $0 == 0 }:
      return try addOne(made.op, [x, scaledRows(made.inputs[1], wide.scale)])
    case is ScanConvolution:
      return try absorbIntoWeights(made.op, x, made.inputs, change, wide)
    case is RMSNorm, is LayerNorm:
      return try absorbIntoNorm(made.op, x, made.inputs, wide)
    default: return nil
    }
  }

  private mutating func absorbIntoWeights(
    _ op: any Operator, _ x: ValueID, _ inputs: [ValueID], _ change: AffineChange, _ wide: AffineChange
  ) throws -> ValueID {
    var operands = [x, change.scale == [1] ? inputs[1] : try scaledRows(inputs[1], wide.scale)]
    if inputs.count == 3 || change.shift.contains(where: { $0 != 0 }) {
      let old = inputs.count == 3 ? edit[inputs[2]].constant?.doubles() ?? [0] : [0]
      let bias = AffineChange.combine(AffineChange.combine(old, wide.scale, *), wide.shift, +)
      operands.append(edit.constant(edit[inputs[1]].name + ".bias", try Tensor(shape: [bias.count], doubles: bias)))
    }
    return try addOne(op, operands)
  }

  private mutating func absorbIntoNorm(
    _ op: any Operator, _ x: ValueID, _ inputs: [ValueID], _ wide: AffineChange
  ) throws -> ValueID {
    let weight = inputs.count == 3 ? edit[inputs[1]].constant?.doubles() ?? [1] : [1]
    let bias = inputs.count == 3 ? edit[inputs[2]].constant?.doubles() ?? [0] : [0]
    let new = AffineChange(scale: weight, shift: bias).then(wide)
    let name = inputs.count == 3 ? edit[inputs[1]].name : ""
    return try addOne(
      op,
      [
        x, edit.constant(name, try Tensor(shape: [new.scale.count], doubles: new.scale)),
        edit.constant(
          name + ".bias",
          try Tensor(
            shape: [new.scale.count],
            doubles: AffineChange.combine(new.shift, [Double](repeating: 0, count: new.scale.count), +))),
      ])
  }

  /// A weight whose first axis are the output channels, each scaled.
  private mutating func scaledRows(_ weight: ValueID, _ scale: [Double]) throws -> ValueID {
    guard let tensor = edit[weight].constant else { return weight }
    let stride = max(tensor.elementCount / max(tensor.shape[0], 1), 1)
    let values = tensor.doubles().enumerated().map { $1 * scale[$0 / stride] }
    return edit.constant(edit[weight].name, try Tensor(shape: tensor.shape, doubles: values))
  }
}
