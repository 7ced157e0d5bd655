import Tensors

/// What is known about a value before a graph runs: all of it, or its elements as symbolic sizes.
enum KnownValue: Sendable {
  case tensor(Tensor)
  /// A scalar or vector of integers.
  case sizes([Dimension], isScalar: Bool)
  /// Integers along several axes of known size, in row-major order.
  case table([Dimension], shape: [Int])

  /// Elements of a tensor of any number of axes.
  init(_ elements: [Dimension], shape: [Int]) {
    self = shape.count <= 1 ? .sizes(elements, isScalar: shape.isEmpty) : .table(elements, shape: shape)
  }

  /// Nil when nothing is known of the value.
  init?(_ fact: TensorFact) {
    if let constant = fact.constant {
      self = .tensor(constant)
    } else if let sizes = fact.sizes {
      if fact.type.shape.count <= 1 {
        self = .sizes(sizes, isScalar: fact.type.shape.isEmpty)
      } else {
        let shape = fact.type.shape.compactMap(\.known)
        guard shape.count == fact.type.shape.count else { return nil }
        self = .table(sizes, shape: shape)
      }
    } else {
      return nil
    }
  }

  /// The tensor, if every element is known.
  package var tensor: Tensor? {
    if case .tensor(let tensor) = self { return tensor }
    guard let integers, let shape = laidOut?.shape else { return nil }
    return try? Tensor(dtype: .int64, shape: shape, integers: integers.map { Int64($0) })
  }

  /// The elements as integers, if all are known.
  package var integers: [Int]? {
    switch self {
    case .tensor(let tensor):
      if tensor.dtype.isFloatingPoint { return nil }
      return tensor.integers().map { Int($0) }
    case .sizes(let elements, _), .table(let elements, _):
      let known = elements.compactMap(\.known)
      return known.count == elements.count ? known : nil
    }
  }

  /// The elements as sizes, if this is a short vector or a scalar of integers.
  package var sizes: [Dimension]? {
    switch self {
    case .sizes(let sizes, _): return sizes
    case .table: return nil
    case .tensor(let tensor):
      guard !tensor.dtype.isFloatingPoint, tensor.shape.count <= 1, tensor.elementCount <= 256 else { return nil }
      return tensor.integers().map { Dimension(Int($0)) }
    }
  }

  /// The elements in row-major order and the sizes of the axes; nil for a tensor.
  var laidOut: (elements: [Dimension], shape: [Int])? {
    switch self {
    case .tensor: nil
    case .sizes(let sizes, let isScalar): (sizes, isScalar ? [] : [sizes.count])
    case .table(let elements, let shape): (elements, shape)
    }
  }

  /// Whether the value is a scalar.
  package var isScalar: Bool {
    switch self {
    case .tensor(let tensor): tensor.shape.isEmpty
    case .sizes(_, let isScalar): isScalar
    case .table: false
    }
  }
}

extension TensorFunction {
  /// What is known of the results of an operator that only moves the elements of its first operand: their numbers, moved
  /// in their place, tell where each goes.
  func moved(_ facts: Facts) throws -> [KnownValue?] {
    guard let (elements, shape) = facts.value(0)?.laidOut, elements.count <= Limits.maxFoldedElements else { return [] }
    var inputs: [Tensor?] = [try Tensor(dtype: .int64, shape: shape, integers: elements.indices.map { Int64($0) })]
    for index in facts.inputs.indices.dropFirst() {
      let known = facts.value(index)?.tensor
      guard known != nil || !facts.has(index) else { return [] }
      inputs.append(known)
    }
    return try evaluate(inputs).map { result in
      KnownValue(result.integers().map { elements[Int($0)] }, shape: result.shape)
    }
  }
}
