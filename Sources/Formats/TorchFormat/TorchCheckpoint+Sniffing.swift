import Tensors

extension TorchCheckpoint {
  /// Bytes from the start of a file that ``canRead(prefix:)`` looks at, at most.
  package static let sniffedByteCount = 512

  /// Whether a file that starts with `prefix` is a zip archive or a legacy checkpoint, by content alone.
  package static func canRead(prefix: some Collection<UInt8>) -> Bool {
    let bytes = Array(prefix.prefix(sniffedByteCount))
    return isZip(bytes) || isLegacy(bytes)
  }

  static func isZip(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  /// A pickle whose first value is the magic number, with or without a frame around it.
  static func isLegacy(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 4, bytes[0] == 0x80 else { return false }
    let start = bytes[2] == 0x95 ? 11 : 2
    let wanted = [0x8A, UInt8(LegacyContainer.magic.count)] + LegacyContainer.magic
    return bytes.dropFirst(start).starts(with: wanted)
  }

  /// The error for a file that is neither, naming what it is where that can be told.
  static func refusal(ofUnknown bytes: [UInt8]) -> EVSSMError {
    let (code, what) = kind(of: bytes)
    return EVSSMError(code, what, place: .init(byteOffset: 0))
  }

  private static func kind(of bytes: [UInt8]) -> (EVSSMError.Code, String) {
    let isTar = bytes.count >= 262 && bytes[257..<262].elementsEqual("ustar".utf8)
    if bytes.isEmpty { return ("torch.empty-file", "The file is empty.") }
    if bytes.starts(with: [0x1F, 0x8B]) {
      return ("torch.gzip", "This is a gzip file, not a checkpoint: unpack it with gunzip first.")
    }
    if isTar || bytes.starts(with: "storages\0".utf8) {
      return ("torch.tar", "This is a tar file. Load it with PyTorch and save it again with torch.save.")
    }
    if bytes.starts(with: "version https://git-lfs".utf8) {
      return ("torch.git-lfs", "This is a Git LFS pointer, not the checkpoint: fetch it with git lfs pull.")
    }
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      return ("torch.safetensors", "This is a safetensors file: read it as one (name it .safetensors).")
    }
    if bytes.first == 0x80 {
      return ("torch.plain-pickle", "This is a Python pickle that torch.save did not write.")
    }
    return ("torch.format", "This is neither a zip archive nor a legacy PyTorch checkpoint.")
  }
}
