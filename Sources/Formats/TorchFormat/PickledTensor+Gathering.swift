import Tensors

extension PickledTensor {
  /// The elements in row-major order, copied.
  ///
  /// - Parameter source: the storage's bytes from the first element on.
  /// - Parameter owner: keeps `source` alive.
  /// - Complexity: O(elements).
  func gathered(from source: UnsafeRawBufferPointer, owner: TensorStorage) throws -> Tensor {
    try Tensor(dtype: dtype, shape: shape) { target in
      withExtendedLifetime(owner) {
        switch dtype.byteCount {
        case 1: gather(UInt8.self, source, target)
        case 2: gather(UInt16.self, source, target)
        case 4: gather(UInt32.self, source, target)
        default: gather(UInt64.self, source, target)
        }
      }
    }
  }

  /// An odometer over all dimensions but the last, and a strided run over the last.
  private func gather<Element: BitwiseCopyable>(
    _: Element.Type, _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer
  ) {
    guard count > 0, let run = shape.last, let step = strides.last else { return }
    let size = MemoryLayout<Element>.size
    var index = [Int](repeating: 0, count: shape.count - 1)
    var from = 0
    for start in stride(from: 0, to: count, by: run) {
      for i in 0..<run {
        let value = source.loadUnaligned(fromByteOffset: (from + i * step) * size, as: Element.self)
        target.storeBytes(of: value, toByteOffset: (start + i) * size, as: Element.self)
      }
      advance(&index, &from)
    }
  }

  /// Moves to the next run; `from` is its first element. Wraps, because the stride of a dimension of 1 may be anything.
  private func advance(_ index: inout [Int], _ from: inout Int) {
    for dimension in index.indices.reversed() {
      index[dimension] += 1
      from &+= strides[dimension]
      if index[dimension] < shape[dimension] { return }
      from &-= shape[dimension] &* strides[dimension]
      index[dimension] = 0
    }
  }
}
