import Tensors

/// The bytes of a pickle: all of them at hand, or read from a file as the interpreter advances.
final class PickleSource {
  private(set) var bytes: [UInt8]
  private let file: InputFile?
  /// Bytes that there are in all.
  let count: Int
  /// Offset in the file of the first byte; 0 when the pickle was inflated and has no place in the file.
  let fileOffset: Int

  init(_ bytes: [UInt8], fileOffset: Int = 0) {
    self.bytes = bytes
    self.fileOffset = fileOffset
    file = nil
    count = bytes.count
  }

  /// The start of a file of unknown structure.
  init(startOf file: InputFile) {
    bytes = []
    self.file = file
    count = file.byteCount
    fileOffset = 0
  }

  /// Makes sure that the bytes before `end` are at hand. Throws `pickle.truncated` when there are fewer.
  func require(_ end: Int) throws {
    if end <= bytes.count { return }
    guard let file, end <= count else {
      throw EVSSMError("pickle.truncated", "The pickle ends in the middle: the file is damaged or cut short.")
    }
    try Limits.check(end, atMost: Limits.maxPickleBytes, name: "max_pickle_bytes", "The size of the pickle")
    let target = min(count, max(end, bytes.count * 2, 1 << 16), Limits.maxPickleBytes)
    bytes += try file.bytes(at: bytes.count, count: target - bytes.count)
  }
}
