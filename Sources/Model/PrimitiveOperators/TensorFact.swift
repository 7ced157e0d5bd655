import Tensors

/// What is known of an operand or a result before anything runs.
package struct TensorFact: Sendable {
  package var type: ValueType
  /// The tensor itself, if it is known.
  package var constant: Tensor?
  /// The elements of a small integer tensor, in row-major order, whose values are expressions over the graph's symbols: how
  /// computations on shapes are followed.
  package var sizes: [Dimension]?

  package init(_ type: ValueType, constant: Tensor? = nil, sizes: [Dimension]? = nil) {
    self.type = type
    self.constant = constant
    self.sizes = sizes
  }

  package init(_ constant: Tensor) { self.init(ValueType(of: constant), constant: constant) }
}
