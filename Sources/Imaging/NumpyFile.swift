import Tensors

/// Float32 arrays in NumPy's .npy format, versions 1.0 to 3.0 (`numpy.lib.format`).
public enum NumpyFile {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads a little-endian float32 array in C order, of any shape within the limits on tensors.
  ///
  /// - Throws: `npy.not-npy`, `npy.version`, `npy.header`, `npy.unsupported-dtype`, `npy.fortran-order`,
  ///   `npy.size-mismatch`, `limit.exceeded`, `file.…`.
  /// - Complexity: O(file); the values are held once.
  public static func read(path: String) throws -> Tensor {
    do { return try read(InputFile(path)) } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private static func read(_ file: borrowing InputFile) throws -> Tensor {
    let headerRange = try headerRange(file)
    let header = try NumpyHeader(try file.bytes(at: headerRange.lowerBound, count: headerRange.count))
    let byteCount = try Checked.multiply(Checked.product(header.shape), 4, "The size of the array")
    let dataByteCount = file.byteCount - headerRange.upperBound
    guard byteCount == dataByteCount else {
      throw EVSSMError(
        "npy.size-mismatch",
        "An array of shape \(header.shape) takes \(byteCount) bytes; the file has \(dataByteCount).")
    }
    let tensor = try Tensor(dtype: .float32, shape: header.shape) {
      try file.read(at: headerRange.upperBound, into: $0)
    }
    try file.checkUnchanged()
    return tensor
  }

  /// The shape of the array in a file, from its header alone. Throws as ``read(path:)`` does for the header.
  public static func shape(path: String) throws -> [Int] {
    do {
      let file = try InputFile(path)
      let range = try headerRange(file)
      return try NumpyHeader(try file.bytes(at: range.lowerBound, count: range.count)).shape
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private static func headerRange(_ file: borrowing InputFile) throws -> Range<Int> {
    let prefix = try file.prefix(12)
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
    guard length <= file.byteCount - start else {
      throw EVSSMError("npy.header", "The file ends inside its header. Copy it again.", place: .init(byteOffset: 8))
    }
    return start..<start + length
  }

  /// Writes a float32 tensor as version 1.0, its data 64-byte aligned. Values are not clamped or rounded.
  ///
  /// The same tensor gives the same bytes; the file appears only when it is complete.
  /// - Throws: `npy.unsupported-dtype` (usage), `file.unwritable`.
  public static func write(_ tensor: Tensor, to path: String) throws {
    guard tensor.dtype == .float32 else {
      throw EVSSMError(
        "npy.unsupported-dtype", "Only float32 arrays are written; this is \(tensor.dtype.rawValue).", category: .usage)
    }
    let file = try OutputFile(path)
    try file.write(header(tensor.shape))
    try tensor.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  private static func header(_ shape: [Int]) throws -> [UInt8] {
    try Limits.check(shape.count, atMost: Limits.maxRank, name: "max_rank", "The rank of the array")
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let text = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
    let end = try Checked.roundUp(10 + text.count + 1, to: 64)
    let padding = [UInt8](repeating: UInt8(ascii: " "), count: end - 11 - text.count)
    let length = end - 10
    return magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + text + padding + [UInt8(ascii: "\n")]
  }
}
