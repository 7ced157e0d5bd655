import Tensors

/// The tensors of a `.safetensors` file, or of all the files that a `model.safetensors.index.json` names.
///
/// The format is a 64-bit little-endian length, that many bytes of JSON, and the tensors' bytes
/// (https://huggingface.co/docs/safetensors). It is read more strictly than its own library does: duplicate keys,
/// unknown
/// fields and unprintable names are refused.
package struct SafetensorsFile: Sendable {
  /// What was read, beside the tensors.
  package struct Report: Sendable, Hashable {
    /// Files read: 1, or the number of shards.
    package var fileCount: Int
    /// Bytes of the JSON headers, padding included.
    package var headerByteCount: Int
    /// Bytes of the tensors.
    package var dataByteCount: Int
    /// Whether the data starts at a multiple of eight bytes in every file. Harmless here if not.
    package var isDataAligned: Bool
  }

  /// The tensors in the order of the header; each a view into one storage a file.
  package var catalogue: TensorCatalogue
  /// `__metadata__`; for shards, what the first of them (by name) that has a key says. Any text: escape it before it is
  /// printed.
  package var metadata: [String: String]
  package var report: Report

  /// Whether a file that starts with `prefix` (at least 9 bytes) is a safetensors file or an index of shards, by
  /// content.
  package static func canRead(prefix: [UInt8]) -> Bool {
    SafetensorsIndex.canRead(prefix: prefix) || hasHeader(prefix)
  }

  static func hasHeader(_ prefix: [UInt8]) -> Bool {
    guard prefix.count >= 9 else { return false }
    let length = headerLength(prefix)
    return length >= 2 && length <= UInt64(Limits.maxSafetensorsHeaderBytes)
      && [0x7B, 0x20, 0x09, 0x0A, 0x0D].contains(prefix[8])
  }

  private static func headerLength(_ bytes: [UInt8]) -> UInt64 {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Reads a file, or an index and its shards.
  ///
  /// - Throws: `safetensors.…`, `json.syntax`, `tensor-name.unsafe`, `limit.exceeded`, or `file.…` when the file is
  ///   missing,
  ///   not a regular file, or cut short while it is read.
  /// - Complexity: O(file); the tensors' bytes are held once.
  package static func read(path: String) throws -> SafetensorsFile {
    do {
      let file = try InputFile(path)
      if SafetensorsIndex.canRead(prefix: try file.prefix(9)) { return try SafetensorsIndex.read(file) }
      return try read(file)
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  static func read(_ file: borrowing InputFile) throws -> SafetensorsFile {
    let headerByteCount = try headerByteCount(of: file)
    let dataStart = 8 + headerByteCount
    let dataByteCount = file.byteCount - dataStart
    let text = try file.bytes(at: 8, count: headerByteCount)
    let header = try text.withUnsafeBytes { try SafetensorsHeader($0, dataByteCount: dataByteCount) }
    let storage = try TensorStorage(byteCount: dataByteCount) { try file.read(at: dataStart, into: $0) }
    try file.checkUnchanged()
    var catalogue = TensorCatalogue()
    for entry in header.entries {
      try catalogue.append(
        entry.name, Tensor(dtype: entry.dtype, shape: entry.shape, storage: storage, byteOffset: entry.begin))
    }
    let report = Report(
      fileCount: 1, headerByteCount: headerByteCount, dataByteCount: dataByteCount, isDataAligned: dataStart % 8 == 0)
    return SafetensorsFile(catalogue: catalogue, metadata: header.metadata, report: report)
  }

  private static func headerByteCount(of file: borrowing InputFile) throws -> Int {
    guard file.byteCount >= 8 else {
      throw EVSSMError(
        "safetensors.truncated", "The file has \(file.byteCount) bytes; a safetensors file has at least 10.")
    }
    let count = try Checked.int(headerLength(try file.prefix(8)), "The length of the header")
    try Limits.check(
      count, atMost: Limits.maxSafetensorsHeaderBytes, name: "max_safetensors_header",
      "The length of the header in bytes",
      place: .init(byteOffset: 0))
    guard count >= 2, count <= file.byteCount - 8 else {
      throw EVSSMError(
        "safetensors.header-length",
        "The header is said to have \(count) bytes in a file of \(file.byteCount). "
          + "This is no safetensors file, or a part of one.",
        place: .init(byteOffset: 0))
    }
    return count
  }
}
