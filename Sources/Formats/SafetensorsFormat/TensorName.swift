import Tensors

/// What a tensor may be called in a file that this package reads or writes.
enum TensorName {
  /// Throws `tensor-name.unsafe` for names that could not be printed, logged or used as part of a path without harm:
  /// empty ones, control and bidirectional characters, absolute paths and `..`.
  static func check(_ name: String) throws {
    let byteCount = name.utf8.count
    if byteCount > 0, byteCount <= Limits.maxTensorNameBytes, isPlain(name) { return }
    try Limits.check(
      byteCount, atMost: Limits.maxTensorNameBytes, name: "max_tensor_name", "The length of a tensor's name in bytes")
    guard byteCount > 0, !name.unicodeScalars.contains(where: isUnsafe), !isPathLike(name), name != "__metadata__"
    else {
      throw EVSSMError(
        "tensor-name.unsafe",
        "The tensor name \"\(EVSSMError.escaped(name))\" is empty, reserved, a path, or holds control characters. "
          + "Rename the tensor.")
    }
  }

  /// Whether the name has only letters, digits, dots, hyphens and underscores, as nearly all have.
  private static func isPlain(_ name: String) -> Bool {
    for byte in name.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: continue
      default: return false
      }
    }
    return name != ".." && name != "__metadata__"
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
    default: false
    }
  }

  private static func isPathLike(_ name: String) -> Bool {
    let separators: (Unicode.Scalar) -> Bool = { $0 == "/" || $0 == "\\" }
    let parts = name.unicodeScalars.split(omittingEmptySubsequences: false, whereSeparator: separators)
    return parts.contains { $0.elementsEqual("..".unicodeScalars) } || (parts.count > 1 && parts[0].isEmpty)
  }
}
