import Tensors
import ZipFormat

/// Limits on PyTorch checkpoints. The published name of each stands in the error that quotes it.
extension Limits {
  /// `max_hint_record`: bytes of the records `version` and `byteorder`.
  package static let maxHintRecordBytes = 64
  /// `max_pickle_bytes`
  package static let maxPickleBytes = 64 << 20
  /// `max_pickle_opcodes`
  package static let maxPickleOpcodes = 20_000_000
  /// `max_pickle_stack`: values on the stack.
  package static let maxPickleStack = 1_000_000
  /// `max_pickle_memo`
  package static let maxPickleMemo = 4_000_000
  /// `max_pickle_nesting`: containers inside one another, and open marks.
  package static let maxPickleNesting = 256
  /// `max_global_name`: bytes of a module or of a name that a pickle asks for.
  package static let maxGlobalNameBytes = 256
  /// `max_storage_tag`: bytes of a storage's key or device tag.
  package static let maxStorageTagBytes = 256
  /// `max_tensor_name`: bytes of a tensor's name.
  package static let maxTensorNameBytes = 512

  /// `max_pickle_objects`: bytes of memory that the objects of a pickle may take in a file of `fileBytes`.
  package static func maxPickleObjectBytes(fileBytes: Int) -> Int { fileBytes / 2 + (16 << 20) }

  /// `max_pickle_bytes` for the pickle of a zip archive of `fileBytes`, which may be deflated.
  static func maxPickleBytes(fileBytes: Int) -> Int {
    min(maxPickleBytes, scaled(fileBytes, by: 2, plus: 8 << 20))
  }
}
