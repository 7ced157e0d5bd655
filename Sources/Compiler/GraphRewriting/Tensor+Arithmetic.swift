import Tensors

extension Tensor {
  /// A float64 tensor of the given values: the form of constants that passes make.
  package init(shape: [Int], doubles: [Double]) throws {
    guard try Checked.product(shape) == doubles.count else {
      throw EVSSMError("tensor.count", "\(doubles.count) values do not fill \(shape).", category: .internal)
    }
    try self.init(dtype: .float64, shape: shape) { out in doubles.withUnsafeBytes { out.copyMemory(from: $0) } }
  }

  /// Every element changed, in float64.
  package func mapped(_ change: (Double) -> Double) throws -> Tensor {
    try Tensor(shape: shape, doubles: doubles().map(change))
  }

  /// `count` slices along the first axis from `first` on, of the same element type. A view.
  package func slices(first: Int, count: Int) throws -> Tensor {
    guard let size = shape.first, first >= 0, count >= 0, first + count <= size else {
      throw EVSSMError("tensor.slice", "Slices \(first)+\(count) of a tensor of shape \(shape).", category: .internal)
    }
    let stride = shape.dropFirst().reduce(dtype.byteCount, *)
    return try Tensor(
      dtype: dtype, shape: [count] + shape.dropFirst(), storage: storage, byteOffset: byteOffset + first * stride)
  }
}
