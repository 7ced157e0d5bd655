import Tensors

/// A dense row-major array of one precision: a value during evaluation.
package struct ReferenceArray<Scalar: ReferenceScalar>: Sendable {
  package let shape: [Int]
  package internal(set) var elements: [Scalar]

  /// Throws `tensor.count` when the number of elements is not the shape's.
  package init(shape: [Int], elements: [Scalar]) throws {
    guard shape.allSatisfy({ $0 >= 0 }), try Checked.product(shape) == elements.count else {
      throw EVSSMError(
        "tensor.count", "\(elements.count) values do not fill an array of shape \(shape).", category: .usage)
    }
    self.shape = shape
    self.elements = elements
  }

  package init(_ tensor: Tensor) {
    shape = tensor.shape
    elements = Scalar.elements(of: tensor)
  }

  /// A tensor with the same elements.
  package func tensor() throws -> Tensor {
    try Tensor(dtype: Scalar.dtype, shape: shape) { out in elements.withUnsafeBytes { out.copyMemory(from: $0) } }
  }

  /// A tensor of the given type with the same elements, rounded to nearest; integers beyond the type's range are
  /// clamped.
  func tensor(as dtype: DType) throws -> Tensor {
    if dtype == Scalar.dtype { return try tensor() }
    if dtype.isFloatingPoint { return try tensor().converted(to: dtype) }
    return try Tensor(dtype: dtype, shape: shape) { out in
      for (i, element) in elements.enumerated() { out.store(element, dtype, at: i) }
    }
  }
}

extension ReferenceArray {
  // For verified shapes: the evaluators' results.
  init(_ shape: [Int], repeating value: Scalar = 0) {
    self.shape = shape
    elements = [Scalar](repeating: value, count: shape.reduce(1, *))
  }

  init(_ shape: [Int], from elements: [Scalar]) {
    self.shape = shape
    self.elements = elements
  }

  /// Channels, height and width of a map (1, C, H, W).
  var channels: Int { shape[1] }
  var height: Int { shape[2] }
  var width: Int { shape[3] }
  var pixels: Int { shape[2] * shape[3] }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func store(_ value: some ReferenceScalar, _ dtype: DType, at index: Int) {
    func put<Integer: FixedWidthInteger & BitwiseCopyable>(_: Integer.Type) {
      let integer = Integer(exactly: value.rounded()) ?? (value > 0 ? Integer.max : value < 0 ? Integer.min : 0)
      storeBytes(of: integer, toByteOffset: index * MemoryLayout<Integer>.size, as: Integer.self)
    }
    switch dtype {
    case .int8: put(Int8.self)
    case .int16: put(Int16.self)
    case .int32: put(Int32.self)
    case .int64: put(Int64.self)
    case .uint8: put(UInt8.self)
    case .uint16: put(UInt16.self)
    case .uint32: put(UInt32.self)
    case .uint64: put(UInt64.self)
    default: storeBytes(of: value == 0 ? 0 : 1, toByteOffset: index, as: UInt8.self)
    }
  }
}
