/// The type of a value: its elements and its shape.
package struct ValueType: Sendable, Hashable, CustomStringConvertible {
  package var dtype: DType
  /// Sizes, outermost first. A feature map is (1, channels, height, width).
  package var shape: [Dimension]

  package init(_ dtype: DType, _ shape: [Dimension]) {
    self.dtype = dtype
    self.shape = shape
  }

  /// The type of a feature map (1, channels, height, width).
  package static func map(_ dtype: DType, _ channels: Dimension, _ height: Dimension, _ width: Dimension) -> ValueType {
    ValueType(dtype, [1, channels, height, width])
  }

  /// The type of a tensor that is there already.
  package init(of tensor: Tensor) { self.init(tensor.dtype, tensor.shape.map { Dimension($0) }) }

  /// Such as `float32[1, 48, H, W]`.
  package var description: String {
    dtype.rawValue + "[" + shape.map(\.description).joined(separator: ", ") + "]"
  }
}
