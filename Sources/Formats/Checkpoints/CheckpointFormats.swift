import SafetensorsFormat
import Tensors
import TorchFormat

/// The formats of checkpoints that are read and written.
package enum CheckpointFormats {
  /// Each format once; the first that can read a file reads it.
  package static let all: [any CheckpointFormat] = [
    TorchZipFormat(),
    TorchLegacyFormat(),
    SafetensorsShardedFormat(),
    SafetensorsSingleFormat(),
  ]

  /// Reads a file that is of no format above: its errors name many formats that are not read, and say what to do.
  package static let refusing: any CheckpointFormat = TorchZipFormat()

  /// Bytes from the start of a file that ``format(prefix:)`` looks at, at most.
  package static let sniffedByteCount = all.map(\.sniffedByteCount).max() ?? 0

  /// The format of a file that starts with `prefix`, by content alone; nil for a file that is no checkpoint.
  package static func format(prefix: [UInt8]) -> (any CheckpointFormat)? { all.first { $0.canRead(prefix: prefix) } }

  /// The format that the extension of `path` names for a file to be written; nil for another extension.
  package static func format(writing path: String) -> (any CheckpointFormat)? {
    let ending = Paths.fileExtension(path)
    return all.first { $0.writtenExtensions.contains(ending) }
  }

  /// Extensions of files that are written, in lower case.
  package static var writtenExtensions: [String] { all.flatMap(\.writtenExtensions) }
}
