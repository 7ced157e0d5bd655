import Tensors

/// A run of numbers that a pickle names and a container holds; or a part of one (`base`), in the legacy container.
struct PickledStorage: Sendable {
  /// The container's key, such as `0` for the record `data/0`.
  var key: String
  /// Nil for an untyped storage, whose numbers are bytes.
  var dtype: DType?
  var byteCount: Int
  /// Index of the whole storage in ``PickleHeap/storages``; its own index for a whole one.
  var root: Int
  /// Offset in the whole storage, in bytes.
  var base = 0

  var elementSize: Int { dtype?.byteCount ?? 1 }
}

/// A tensor as the pickle describes it: a strided view of a storage. Its elements lie inside.
struct PickledTensor: Sendable {
  var dtype: DType
  /// Index in ``PickleHeap/storages``, of a whole storage.
  var storage: Int
  /// Of the first element in the whole storage, in bytes.
  var byteOffset: Int
  var shape: [Int]
  /// In elements.
  var strides: [Int]
  /// Number of elements.
  let count: Int
  /// Bytes of the storage from the first element to past the last; 0 for an empty tensor.
  let extent: Int

  /// - Parameter offset: of the first element, in elements.
  init(dtype: DType, storage: PickledStorage, offset: Int, shape: [Int], strides: [Int]) throws {
    try Self.check(offset: offset, shape: shape, strides: strides)
    let size = dtype.byteCount
    let count = try Checked.product(shape, "The number of a tensor's elements")
    _ = try Checked.multiply(count, size, "The size of a tensor")
    var last = offset
    for (dimension, stride) in zip(shape, strides) where count > 0 {
      last = try Checked.add(last, Checked.multiply(dimension - 1, stride, "A tensor's stride"), "A tensor's extent")
    }
    let end = try Checked.multiply(count == 0 ? last : Checked.add(last, 1), size, "A tensor's extent")
    guard end <= storage.byteCount else {
      throw EVSSMError(
        "torch.tensor-range",
        "A tensor of shape \(shape) reaches byte \(end) of a storage of \(storage.byteCount) bytes.")
    }
    self.dtype = dtype
    self.storage = storage.root
    self.shape = shape
    self.strides = strides
    self.count = count
    byteOffset = storage.base + offset * size
    extent = count == 0 ? 0 : end - offset * size
  }

  private static func check(offset: Int, shape: [Int], strides: [Int]) throws {
    try Limits.check(shape.count, atMost: Limits.maxRank, name: "max_rank", "A tensor's rank")
    guard shape.count == strides.count else {
      throw EVSSMError("torch.tensor-strides", "A tensor of \(shape.count) dimensions has \(strides.count) strides.")
    }
    for dimension in shape {
      try Limits.check(dimension, atMost: Limits.maxDimension, name: "max_dimension", "A tensor's dimension")
    }
    guard offset >= 0, shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
      throw EVSSMError("torch.tensor-negative", "A tensor's offset, size or stride is negative.")
    }
  }

  /// Whether the elements lie row-major without gaps, so that the tensor is a view.
  var isContiguous: Bool {
    var expected = 1
    for (dimension, stride) in zip(shape, strides).reversed() where dimension != 1 {
      if stride != expected { return count == 0 }
      expected *= dimension
    }
    return true
  }
}
