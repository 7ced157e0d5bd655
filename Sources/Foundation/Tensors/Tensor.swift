/// Bytes that never change after they were made, shared by the tensors that view them. 64-byte aligned when owned.
package final class TensorStorage: @unchecked Sendable {
  // Unchecked: the memory is written only inside init, before anyone else can see it.
  package let bytes: UnsafeRawBufferPointer
  private let owner: AnyObject?
  private let isOwned: Bool

  /// Allocates `byteCount` bytes and lets `initialize` fill them (they start as zeros).
  package init(byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
    let used = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
    used.initializeMemory(as: UInt8.self, repeating: 0)
    do { try initialize(used) } catch {
      buffer.deallocate()
      throw error
    }
    bytes = UnsafeRawBufferPointer(used)
    owner = nil
    isOwned = true
  }

  /// Borrows bytes that live as long as `owner`, such as a mapped file.
  package init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    self.bytes = bytes
    self.owner = owner
    isOwned = false
  }

  deinit { if isOwned { UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.deallocate() } }
}

/// A dense row-major tensor: a type, a shape, and little-endian bytes. A value: nothing can change it once made.
package struct Tensor: Sendable {
  package let dtype: DType
  /// Sizes, outermost first; empty for a scalar.
  package let shape: [Int]
  package let storage: TensorStorage
  /// Offset of the first element in `storage`, in bytes.
  package let byteOffset: Int

  /// A view into `storage`. Throws `tensor.out-of-storage` when it does not lie inside.
  package init(dtype: DType, shape: [Int], storage: TensorStorage, byteOffset: Int = 0) throws {
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
    let end = try Checked.add(byteOffset, Self.byteCount(dtype, shape))
    guard byteOffset >= 0, end <= storage.bytes.count else {
      throw EVSSMError(
        "tensor.out-of-storage",
        "A tensor of shape \(shape) ends at byte \(end) of a storage of \(storage.bytes.count).")
    }
  }

  /// A new tensor whose bytes (zeros at first) `initialize` fills.
  package init(dtype: DType, shape: [Int], initialize: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    let storage = try TensorStorage(byteCount: Self.byteCount(dtype, shape), initialize: initialize)
    try self.init(dtype: dtype, shape: shape, storage: storage)
  }

  /// A float32 tensor of the given values. Throws when their count is not the shape's.
  package init(shape: [Int], floats: [Float]) throws {
    guard try Checked.product(shape) == floats.count else {
      throw EVSSMError(
        "tensor.count", "\(floats.count) values do not fill a tensor of shape \(shape).", category: .internal)
    }
    try self.init(dtype: .float32, shape: shape) { target in floats.withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  package var elementCount: Int { shape.reduce(1, *) }
  package var byteCount: Int { elementCount * dtype.byteCount }

  static func byteCount(_ dtype: DType, _ shape: [Int]) throws -> Int {
    guard shape.allSatisfy({ $0 >= 0 }) else {
      throw EVSSMError("tensor.negative-dimension", "A tensor's shape \(shape) has a negative dimension.")
    }
    return try Checked.multiply(Checked.product(shape), dtype.byteCount, "The size of a tensor")
  }

  /// Calls `body` with the tensor's bytes, row-major and little-endian.
  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(rebasing: storage.bytes[byteOffset..<byteOffset + byteCount]))
    }
  }
}
