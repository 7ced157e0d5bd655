import Tensors

/// What is known of an operand or a result before anything runs.
public struct TensorFact: Sendable {
  public var type: ValueType
  /// The tensor itself, if it is known.
  public var constant: Tensor?
  /// The elements of a small integer tensor, in row-major order, whose values are expressions over the graph's symbols: how
  /// computations on shapes are followed.
  public var sizes: [Dimension]?

  public init(_ type: ValueType, constant: Tensor? = nil, sizes: [Dimension]? = nil) {
    self.type = type
    self.constant = constant
    self.sizes = sizes
  }

  public init(_ constant: Tensor) { self.init(ValueType(of: constant), constant: constant) }
}
