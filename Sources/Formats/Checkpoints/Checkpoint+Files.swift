import Tensors

extension Checkpoint {
  /// Reads a checkpoint: PyTorch's (`.pth`, both containers) or safetensors, one file or an index of shards. Its content
  /// says which; nothing in it is executed.
  ///
  /// - Parameter key: the keys that hold the state dict of a PyTorch checkpoint, joined by dots; nil to find it.
  /// - Throws: an ``EVSSMError`` of the format, of its limits or of files, or `checkpoint.key` where there are no keys.
  /// - Complexity: O(file); tensors are held once.
  public static func read(path: String, key: String? = nil) throws -> Checkpoint {
    let prefix = try InputFile(path).prefix(CheckpointFormats.sniffedByteCount)
    return try (CheckpointFormats.format(prefix: prefix) ?? CheckpointFormats.refusing).read(path: path, key: key)
  }

  /// Writes the tensors in the format that the extension of `path` names. The file appears only when it is complete.
  ///
  /// Throws `checkpoint.extension` for an extension that names no format, and errors of formats and files.
  public func write(to path: String) throws {
    guard let format = CheckpointFormats.format(writing: path) else {
      let known = CheckpointFormats.writtenExtensions.map { ".\($0)" }.joined(separator: ", ")
      throw EVSSMError(
        "checkpoint.extension", "A checkpoint's name must end in one of \(known).", category: .usage,
        place: .init(file: path))
    }
    try format.write(catalogue, to: path)
  }
}
