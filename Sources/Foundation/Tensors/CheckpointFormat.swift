/// A file format of checkpoints. The formats there are stand in one list, `CheckpointFormats.all`.
package protocol CheckpointFormat: Sendable {
  /// What distinguishes the format from the others, such as `safetensors`.
  var name: String { get }

  /// Extensions, in lower case, of the files that are written in this format; none for one that is only read.
  var writtenExtensions: [String] { get }

  /// Bytes from the start of a file that ``canRead(prefix:)`` looks at, at most.
  var sniffedByteCount: Int { get }

  /// Whether a file that starts with `prefix` is of this format, by content alone.
  /// - Parameter prefix: ``sniffedByteCount`` bytes or more; fewer where the file is shorter.
  func canRead(prefix: [UInt8]) -> Bool

  /// Reads all tensors. Nothing in the file is executed.
  ///
  /// - Parameter key: the keys that hold the state dict, joined by dots; nil to find it.
  /// - Throws: errors of the format and of its limits, with the file as their place; `checkpoint.key` for a key where the
  ///   format has none.
  func read(path: String, key: String?) throws -> Checkpoint

  /// Writes tensors so that ``read(path:key:)`` gives them back bit for bit. The file appears only when it is complete.
  ///
  /// Throws errors of the format, of its limits and of files.
  func write(_ catalogue: TensorCatalogue, to path: String) throws
}

extension CheckpointFormat {
  package var writtenExtensions: [String] { [] }

  /// For formats that are only read: throws `checkpoint.read-only`.
  package func write(_ catalogue: TensorCatalogue, to path: String) throws {
    throw EVSSMError(
      "checkpoint.read-only", "Checkpoints of the format \(name) are read, not written.", category: .usage,
      place: .init(file: path))
  }
}

extension Checkpoint {
  /// Throws `checkpoint.key` where a key is given for a file that has none.
  /// - Parameter what: such as `A safetensors file`.
  package static func refuse(key: String?, path: String, _ what: String) throws {
    guard key != nil else { return }
    throw EVSSMError(
      "checkpoint.key", "\(what) has no keys around its tensors. Leave the option out.", category: .usage,
      place: .init(file: path, option: "--key"))
  }
}
