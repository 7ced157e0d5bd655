import Tensors

/// What is known about a value before a graph runs: all of it, or its elements as symbolic sizes.
enum KnownValue: Sendable {
  case tensor(Tensor)
  /// A scalar or vector of integers.
  case sizes([Dimension], isScalar: Bool)

  /// The tensor, if every element is known.
  public var tensor: Tensor? {
    switch self {
    case .tensor(let tensor): return tensor
    case .sizes(let sizes, let isScalar):
      let known = sizes.compactMap(\.known)
      guard known.count == sizes.count else { return nil }
      return try? Tensor(dtype: .int64, shape: isScalar ? [] : [known.count], integers: known.map { Int64($0) })
    }
  }

  /// The elements as integers, if all are known.
  public var integers: [Int]? {
    switch self {
    case .tensor(let tensor):
      if tensor.dtype.isFloatingPoint { return nil }
      return tensor.integers().map { Int($0) }
    case .sizes(let sizes, _):
      let known = sizes.compactMap(\.known)
      return known.count == sizes.count ? known : nil
    }
  }

  /// The elements as sizes, if this is a short vector or a scalar of integers.
  public var sizes: [Dimension]? {
    switch self {
    case .sizes(let sizes, _): return sizes
    case .tensor(let tensor):
      guard !tensor.dtype.isFloatingPoint, tensor.shape.count <= 1, tensor.elementCount <= 256 else { return nil }
      return tensor.integers().map { Dimension(Int($0)) }
    }
  }

  /// Whether the value is a scalar.
  public var isScalar: Bool {
    switch self {
    case .tensor(let tensor): tensor.shape.isEmpty
    case .sizes(_, let isScalar): isScalar
    }
  }
}
