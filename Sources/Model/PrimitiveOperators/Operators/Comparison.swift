import Tensors

/// A truth about two values, with broadcasting: comparisons of numbers and connectives of truth values.
struct Comparison: TensorFunction {
  /// Named as in ONNX.
  enum Relation: String, Sendable, CaseIterable {
    case equal = "Equal", greater = "Greater", greaterOrEqual = "GreaterOrEqual", less = "Less"
    case lessOrEqual = "LessOrEqual", and = "And", or = "Or", xor = "Xor"
  }

  let relation: Relation

  init(_ attributes: AttributeReader) throws {
    guard let relation = Relation(rawValue: attributes.name) else { throw attributes.failure("is no relation.") }
    self.relation = relation
  }

  private var isConnective: Bool { relation == .and || relation == .or || relation == .xor }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let a = try facts.type(0)
    let b = try facts.type(1)
    guard a.dtype == b.dtype else { throw facts.failure("needs two inputs of one element type") }
    guard !isConnective || a.dtype == .bool else { throw facts.failure("needs truth values") }
    return [ValueType(.bool, try facts.broadcast([a.shape, b.shape]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let shape = try Shapes.broadcast([a.shape, b.shape])
    try Tensor.checkSize(.bool, shape)
    let maps = try [Shapes.map(a.shape, to: shape), Shapes.map(b.shape, to: shape)]
    let count = shape.reduce(1, *)
    let values: [Int64]
    if a.dtype.isFloatingPoint {
      values = pairs(a.doubles(), b.doubles(), maps, count) { holds($0, $1) ? 1 : 0 }
    } else if a.dtype == .uint64 {
      values = pairs(a.integers(), b.integers(), maps, count) {
        holds(UInt64(bitPattern: $0), UInt64(bitPattern: $1)) ? 1 : 0
      }
    } else {
      values = pairs(a.integers(), b.integers(), maps, count) { holds($0, $1) ? 1 : 0 }
    }
    return [try Tensor(dtype: .bool, shape: shape, integers: values)]
  }

  private func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool where Value: ExpressibleByIntegerLiteral {
    switch relation {
    case .equal: a == b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .and: a != 0 && b != 0
    case .or: a != 0 || b != 0
    case .xor: (a != 0) != (b != 0)
    }
  }

  /// A symbolic size is not negative; two equal expressions are equal.
  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard relation == .equal, let a = facts.value(0)?.sizes, let b = facts.value(1)?.sizes else { return [] }
    guard a.count == b.count || a.count == 1 || b.count == 1, !a.isEmpty, !b.isEmpty else { return [] }
    var truths: [Int64] = []
    for i in 0..<max(a.count, b.count) {
      let (x, y) = (a[a.count == 1 ? 0 : i], b[b.count == 1 ? 0 : i])
      if x == y {
        truths.append(1)
      } else if x.known != nil && y.known != nil || (x.known ?? 0) < 0 || (y.known ?? 0) < 0 {
        truths.append(0)
      } else {
        return []
      }
    }
    let isScalar = facts.value(0)?.isScalar == true && facts.value(1)?.isScalar == true
    return [.tensor(try Tensor(dtype: .bool, shape: isScalar ? [] : [truths.count], integers: truths))]
  }
}
