import GraphIR
import PrimitiveOperators
import Tensors

/// Follows primitives on tensors with states as fields. Nil wherever something else than sums, products, exponentials and
/// changes of layout happens.
struct FieldEvaluator {
  /// Factors of a product: no part of a scan has more.
  private static let maxFactors = 16
  /// Products that a map is followed through.
  private static let maxProductDepth = 3

  private(set) var constants: [Tensor] = []
  private var nextIndex = 0

  mutating func fresh(_ size: Dimension) -> FieldIndex {
    nextIndex += 1
    return FieldIndex(id: nextIndex, size: size)
  }

  /// A field with one factor that has an index for each axis longer than 1.
  mutating func leaf(_ leaf: Field.Leaf, _ shape: [Dimension]) -> Field {
    let axes = shape.map { $0 == 1 ? [] : [fresh($0)] }
    return Field(axes: axes, terms: [.init(factors: [.init(leaf: leaf, indices: axes.flatMap { $0 })])])
  }

  mutating func constant(_ tensor: Tensor) -> Field? {
    guard tensor.dtype.isFloatingPoint, tensor.elementCount > 0 else { return nil }
    let values = tensor.doubles()
    let shape = tensor.shape.map { Dimension($0) }
    if values.allSatisfy({ $0 == values[0] }) {
      let axes = shape.map { $0 == 1 ? [] : [fresh($0)] }
      return Field(axes: axes, terms: values[0] == 0 ? [] : [.init(coefficient: values[0])])
    }
    constants.append(tensor)
    return leaf(.constant(constants.count - 1), shape)
  }

  /// A map at every position, as the tensor that shows it.
  mutating func map(_ view: MapView, _ raiser: Raiser) -> Field? {
    let size = raiser.type(view.map).shape
    let full = [
      AxisDigit(axis: .channel, size: size[1]), AxisDigit(axis: .row, size: size[2]),
      AxisDigit(axis: .column, size: size[3]),
    ]
    let channel = fresh(size[1])
    var axes: [[FieldIndex]] = []
    for digits in view.axes {
      var indices: [FieldIndex] = []
      for digit in digits {
        switch digit {
        case full[0]: indices.append(channel)
        case full[1]: indices.append(.row(size[2]))
        case full[2]: indices.append(.column(size[3]))
        default: return nil
        }
      }
      axes.append(indices)
    }
    return Field(axes: axes, terms: [term(view.map, channel, raiser, depth: 0)])
  }

  /// A map as the product that it is, where it is one.
  private mutating func term(_ map: ValueID, _ channel: FieldIndex, _ raiser: Raiser, depth: Int) -> Field.Term {
    let (base, change) = raiser.affineParts(map)
    let isDeep = depth >= Self.maxProductDepth
    if !isDeep, base != map, change.shift.allSatisfy({ $0 == 0 }) {
      let inner = term(base, channel, raiser, depth: depth + 1)
      if change.scale.count == 1 { return Field.Term(coefficient: change.scale[0]).times(inner) }
      if let tensor = try? Tensor(shape: [change.scale.count], doubles: change.scale) {
        constants.append(tensor)
        let factor = Field.Factor(leaf: .constant(constants.count - 1), indices: [channel])
        return Field.Term(factors: [factor]).times(inner)
      }
    }
    if !isDeep, let made = raiser.producer(map), (made.op as? ElementwiseBinary)?.function == .multiply {
      return term(made.inputs[0], channel, raiser, depth: depth + 1)
        .times(term(made.inputs[1], channel, raiser, depth: depth + 1))
    }
    return Field.Term(factors: [.init(leaf: .map(map), indices: [channel])])
  }
}

// MARK: - Operators

extension FieldEvaluator {
  /// The result of a primitive on fields, of this shape.
  mutating func apply(
    _ call: PrimitiveCall, _ inputs: [Field?], shape: [Dimension], ints: (Int) -> [Int]?
  ) throws -> Field? {
    guard let first = inputs.first, let x = first ?? inputs.dropFirst().first.flatMap({ $0 }) else { return nil }
    switch call.type {
    case "Mul", "Add", "Sub":
      guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else { return nil }
      return binary(call.type, a, b)
    case "Neg": return scaled(x, -1)
    case "Exp":
      // One inside another is no decay, and would nest without bound.
      guard !x.terms.contains(where: { $0.factors.contains(where: \.isExponential) }) else { return nil }
      return Field(axes: x.axes, terms: [.init(factors: [.init(leaf: .exponential(x.terms), indices: [])])])
    case "Identity", "Cast", "Unsqueeze", "Squeeze", "Reshape", "Flatten": return try x.reshaped(to: shape)
    case "Expand": return spread(x, over: shape)
    case "Transpose":
      var permutation = Array(x.axes.indices.reversed())
      if let given = call.integers("perm") { permutation = given }
      guard permutation.sorted() == Array(x.axes.indices) else { return nil }
      return Field(axes: permutation.map { x.axes[$0] }, terms: x.terms)
    case "ReduceSum":
      var axes = ints(1)
      if let given = call.integers("axes") { axes = given }
      return try axes.flatMap { try reduced(x, $0, shape) }
    case "Einsum": return try einsum(call, inputs)
    case "MatMul":
      guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else { return nil }
      return matrixProduct(a, b)
    default: return nil
    }
  }

  private func scaled(_ x: Field, _ factor: Double) -> Field {
    Field(
      axes: x.axes,
      terms: x.terms.map {
        var term = $0
        term.coefficient *= factor
        return term
      })
  }

  /// The field repeated along axes of size 1.
  private mutating func spread(_ x: Field, over shape: [Dimension]) -> Field? {
    guard x.axes.count <= shape.count else { return nil }
    let own = [[FieldIndex]](repeating: [], count: shape.count - x.axes.count) + x.axes
    var axes: [[FieldIndex]] = []
    for (axis, size) in zip(own, shape) {
      guard (try? Dimension.product(axis.map(\.size))) == size || axis.isEmpty else { return nil }
      axes.append(axis.isEmpty && size != 1 ? [fresh(size)] : axis)
    }
    return Field(axes: axes, terms: x.terms)
  }

  /// The same field with indices that no other has; positions stay.
  private mutating func withFreshIndices(_ x: Field) -> Field {
    var names: [FieldIndex: FieldIndex] = [:]
    for index in Set(x.indices).union(x.terms.flatMap(\.summed)) where !index.isPosition {
      names[index] = fresh(index.size)
    }
    return x.renamed(names)
  }

  /// Lets the indices of two axes be the same. Nil when the axes differ.
  private func unified(_ a: [FieldIndex], _ b: [FieldIndex], _ names: inout [FieldIndex: FieldIndex]) -> [FieldIndex]? {
    if a.isEmpty { return b }
    if b.isEmpty { return a }
    guard a.count == b.count else { return nil }
    for (x, y) in zip(a, b) {
      guard x.size == y.size, x.isPosition == y.isPosition, !x.isPosition || x == y else { return nil }
      if !x.isPosition { names[y] = x }
    }
    return a
  }

  private mutating func binary(_ type: String, _ a: Field, _ b: Field) -> Field? {
    let b = withFreshIndices(b)
    let rank = max(a.axes.count, b.axes.count)
    func padded(_ axes: [[FieldIndex]]) -> [[FieldIndex]] {
      [[FieldIndex]](repeating: [], count: rank - axes.count) + axes
    }
    var names: [FieldIndex: FieldIndex] = [:]
    var axes: [[FieldIndex]] = []
    for (x, y) in zip(padded(a.axes), padded(b.axes)) {
      guard let joined = unified(x, y, &names) else { return nil }
      axes.append(joined)
    }
    let other = b.renamed(names)
    switch type {
    case "Mul": return product(axes, a, other)
    case "Sub": return Field(axes: axes, terms: a.terms + scaled(other, -1).terms)
    default: return Field(axes: axes, terms: a.terms + other.terms)
    }
  }

  private func product(_ axes: [[FieldIndex]], _ a: Field, _ b: Field) -> Field? {
    guard a.terms.count * b.terms.count <= 16 else { return nil }
    let terms = a.terms.flatMap { x in b.terms.map { x.times($0) } }
    return terms.allSatisfy { $0.factors.count <= Self.maxFactors } ? Field(axes: axes, terms: terms) : nil
  }

  private func reduced(_ x: Field, _ given: [Int], _ shape: [Dimension]) throws -> Field? {
    let axes = Set(given.map { $0 < 0 ? $0 + x.axes.count : $0 })
    guard axes.allSatisfy(x.axes.indices.contains) else { return nil }
    let gone = Set(axes.flatMap { x.axes[$0] })
    let kept = x.axes.enumerated().map { axes.contains($0.offset) ? [] : $0.element }
    let terms = x.terms.map {
      var term = $0
      term.summed.formUnion(gone)
      return term
    }
    return try Field(axes: kept, terms: terms).reshaped(to: shape)
  }

  private mutating func einsum(_ call: PrimitiveCall, _ inputs: [Field?]) throws -> Field? {
    let fields = inputs.compactMap { $0 }
    guard (2...4).contains(inputs.count), fields.count == inputs.count,
      let text = call.string("equation"), let equation = try EinsumEquation(text).letters,
      equation.operands.count == fields.count
    else { return nil }
    // All but the last product keep every index.
    var (product, labels) = (fields[0], equation.operands[0])
    for index in 1..<fields.count {
      let next = equation.operands[index]
      let all = labels + next.filter { !labels.contains($0) }
      let result = index == fields.count - 1 ? equation.result : all
      guard let made = contracted(product, labels, fields[index], next, result) else { return nil }
      (product, labels) = (made, result)
    }
    return product
  }

  private mutating func contracted(
    _ a: Field, _ aLabels: [String], _ b: Field, _ bLabels: [String], _ result: [String]
  ) -> Field? {
    let b = withFreshIndices(b)
    guard aLabels.count == a.axes.count, bLabels.count == b.axes.count, Set(aLabels).count == aLabels.count,
      Set(bLabels).count == bLabels.count
    else { return nil }
    var names: [FieldIndex: FieldIndex] = [:]
    var along: [String: [FieldIndex]] = Dictionary(uniqueKeysWithValues: zip(aLabels, a.axes))
    for (label, axis) in zip(bLabels, b.axes) {
      guard let joined = unified(along[label] ?? [], axis, &names) else { return nil }
      along[label] = joined
    }
    let gone = Set(along.filter { !result.contains($0.key) }.flatMap(\.value))
    guard let whole = product(result.map { along[$0] ?? [] }, a, b.renamed(names)) else { return nil }
    return Field(
      axes: whole.axes,
      terms: whole.terms.map {
        var term = $0
        term.summed.formUnion(gone)
        return term
      })
  }

  private mutating func matrixProduct(_ a: Field, _ b: Field) -> Field? {
    let letters = Array("abcdefgh")
    let (m, n) = (a.axes.count, b.axes.count)
    guard (1...6).contains(m), (1...6).contains(n) else { return nil }
    let batch = max(max(m, n) - 2, 0)
    var aLabels = Array(letters.prefix(batch).suffix(max(m - 2, 0)))
    var bLabels = Array(letters.prefix(batch).suffix(max(n - 2, 0)))
    var result = Array(letters.prefix(batch))
    if m > 1 {
      aLabels.append("x")
      result.append("x")
    }
    aLabels.append("k")
    bLabels.append("k")
    if n > 1 {
      bLabels.append("y")
      result.append("y")
    }
    return contracted(a, aLabels, b, bLabels, result)
  }
}
