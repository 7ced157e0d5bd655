import Tensors

/// Arrays in NumPy's .npy format, versions 1.0 to 3.0 (`numpy.lib.format`).
package enum NumpyFile {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads a little-endian float32 array, of any shape within the limits on tensors.
  ///
  /// - Throws: `npy.not-npy`, `npy.version`, `npy.header`, `npy.unsupported-dtype`, `npy.size-mismatch`, `limit.exceeded`,
  ///   `file.…`.
  /// - Complexity: O(file); the values are held once, those of an array in Fortran order twice while they are moved.
  package static func read(path: String) throws -> Tensor { try read(path: path, types: [.float32]) }

  /// Like ``read(path:)``, for every element type that NumPy and tensors share.
  package static func readArray(path: String) throws -> Tensor {
    try read(path: path, types: Set(NumpyHeader.types.keys))
  }

  /// The shape of the array in a file, from its header alone. Throws as ``read(path:)`` does for the header.
  package static func shape(path: String) throws -> [Int] {
    do {
      let file = try InputFile(path)
      let range = try headerRange(byteCount: file.byteCount, prefix: file.prefix(12))
      return try NumpyHeader(file.bytes(at: range.lowerBound, count: range.count)).shape
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private static func read(path: String, types: Set<DType>) throws -> Tensor {
    do {
      let file = try InputFile(path)
      let head = try header(byteCount: file.byteCount, types) { try file.bytes(at: $0.lowerBound, count: $0.count) }
      let tensor = try Tensor(dtype: head.dtype, shape: head.shape) { try file.read(at: head.dataOffset, into: $0) }
      try file.checkUnchanged()
      return head.isColumnMajor ? try rowMajor(tensor) : tensor
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  /// The array of a whole file in memory, which is not copied.
  package static func array(_ storage: TensorStorage) throws -> Tensor {
    let head = try header(byteCount: storage.bytes.count, Set(NumpyHeader.types.keys)) { Array(storage.bytes[$0]) }
    let tensor = try Tensor(dtype: head.dtype, shape: head.shape, storage: storage, byteOffset: head.dataOffset)
    return head.isColumnMajor ? try rowMajor(tensor) : tensor
  }

  /// The array whose elements lie in Fortran order in `tensor`.
  private static func rowMajor(_ tensor: Tensor) throws -> Tensor {
    let (shape, size) = (tensor.shape, tensor.dtype.byteCount)
    var strides = [Int](repeating: size, count: shape.count)
    for axis in shape.indices.dropFirst() { strides[axis] = strides[axis - 1] * max(shape[axis - 1], 1) }
    return try Tensor(dtype: tensor.dtype, shape: shape) { out in
      tensor.withUnsafeBytes { bytes in
        guard let from = bytes.baseAddress, let to = out.baseAddress else { return }
        var position = [Int](repeating: 0, count: shape.count)
        var offset = 0
        for index in 0..<tensor.elementCount {
          (to + index * size).copyMemory(from: from + offset, byteCount: size)
          var axis = shape.count - 1
          while axis >= 0 {
            position[axis] += 1
            offset += strides[axis]
            if position[axis] < shape[axis] { break }
            offset -= strides[axis] * shape[axis]
            position[axis] = 0
            axis -= 1
          }
        }
      }
    }
  }

  /// Where the values begin and what they are; checks that there are as many as the shape says.
  private static func header(
    byteCount: Int, _ types: Set<DType>, _ bytes: (Range<Int>) throws -> [UInt8]
  ) throws -> (dtype: DType, shape: [Int], isColumnMajor: Bool, dataOffset: Int) {
    let range = try headerRange(byteCount: byteCount, prefix: bytes(0..<min(12, byteCount)))
    let header = try NumpyHeader(bytes(range))
    guard types.contains(header.dtype) else {
      throw NumpyHeader.unsupported("'\(NumpyHeader.types[header.dtype] ?? "")'")
    }
    let expected = try Checked.multiply(Checked.product(header.shape), header.dtype.byteCount, "The size of the array")
    guard expected == byteCount - range.upperBound else {
      throw EVSSMError(
        "npy.size-mismatch",
        "An array of shape \(header.shape) takes \(expected) bytes; the file has \(byteCount - range.upperBound).")
    }
    return (header.dtype, header.shape, header.isColumnMajor, range.upperBound)
  }

  private static func headerRange(byteCount: Int, prefix: [UInt8]) throws -> Range<Int> {
    guard prefix.starts(with: magic), prefix.count == 12 else {
      throw EVSSMError("npy.not-npy", "This is not a .npy file.", place: .init(byteOffset: 0))
    }
    guard (1...3).contains(prefix[6]), prefix[7] == 0 else {
      throw EVSSMError(
        "npy.version", "Version \(prefix[6]).\(prefix[7]) of the .npy format is not read; 1.0 to 3.0 are.")
    }
    let width = prefix[6] == 1 ? 2 : 4
    let length = prefix[8..<8 + width].reversed().reduce(0) { $0 << 8 | Int($1) }
    try Limits.check(
      length, atMost: Limits.maxNumpyHeaderBytes, name: "max_npy_header", "The length of the header in bytes")
    let start = 8 + width
    guard length <= byteCount - start else {
      throw EVSSMError("npy.header", "The file ends inside its header. Copy it again.", place: .init(byteOffset: 8))
    }
    return start..<start + length
  }

  /// Writes a tensor as version 1.0, its data 64-byte aligned. Values are not clamped or rounded; bfloat16, which NumPy
  /// does not have, becomes float32.
  ///
  /// The same tensor gives the same bytes; the file appears only when it is complete.
  /// - Throws: `limit.exceeded` for a rank that NumPy arrays here may not have, `file.unwritable`.
  package static func write(_ tensor: Tensor, to path: String) throws {
    let tensor = try writable(tensor)
    let file = try OutputFile(path)
    try file.write(header(tensor))
    try tensor.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  /// The bytes of a file that holds the tensor.
  package static func bytes(_ tensor: Tensor) throws -> [UInt8] {
    let tensor = try writable(tensor)
    return try header(tensor) + tensor.withUnsafeBytes(Array.init)
  }

  private static func writable(_ tensor: Tensor) throws -> Tensor {
    tensor.dtype == .bfloat16 ? try tensor.converted(to: .float32) : tensor
  }

  private static func header(_ tensor: Tensor) throws -> [UInt8] {
    let shape = tensor.shape
    try Limits.check(shape.count, atMost: Limits.maxRank, name: "max_rank", "The rank of the array")
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let type = NumpyHeader.types[tensor.dtype] ?? "<f4"
    let text = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
    let end = try Checked.roundUp(10 + text.count + 1, to: 64)
    let padding = [UInt8](repeating: UInt8(ascii: " "), count: end - 11 - text.count)
    let length = end - 10
    return magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + text + padding + [UInt8(ascii: "\n")]
  }
}
