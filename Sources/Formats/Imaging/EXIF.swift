/// The one thing this package takes from EXIF data.
enum EXIF {
  /// The orientation in the first directory of a TIFF block (TIFF 6.0, section 2); upright when the block is malformed,
  /// has no such tag, or the tag is not one of 1...8.
  ///
  /// Later directories are never followed, so a loop of them costs nothing.
  /// - Complexity: O(1): one directory has at most 65,535 entries.
  static func orientation(_ block: UnsafeRawBufferPointer) -> Orientation {
    guard let mark = block.integer(at: 0, bytes: 2), mark == 0x4949 || mark == 0x4D4D else { return .upright }
    let little = mark == 0x4949
    guard block.integer(at: 2, bytes: 2, littleEndian: little) == 42,
      let directory = block.integer(at: 4, bytes: 4, littleEndian: little),
      let count = block.integer(at: directory, bytes: 2, littleEndian: little)
    else { return .upright }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let tag = block.integer(at: entry, bytes: 2, littleEndian: little) else { return .upright }
      if tag == 0x0112 { return orientation(block, entry, little) }
    }
    return .upright
  }

  private static func orientation(_ block: UnsafeRawBufferPointer, _ entry: Int, _ little: Bool) -> Orientation {
    let short = 3
    guard block.integer(at: entry + 2, bytes: 2, littleEndian: little) == short,
      block.integer(at: entry + 4, bytes: 4, littleEndian: little) == 1,
      let value = block.integer(at: entry + 8, bytes: 2, littleEndian: little)
    else { return .upright }
    return Orientation(rawValue: value) ?? .upright
  }
}

extension UnsafeRawBufferPointer {
  /// An unsigned integer of up to four bytes; nil when it does not lie inside the buffer.
  func integer(at offset: Int, bytes width: Int, littleEndian: Bool = false) -> Int? {
    guard offset >= 0, offset <= count - width else { return nil }
    var value = 0
    for i in 0..<width {
      let byte = Int(self[offset + (littleEndian ? width - 1 - i : i)])
      value = value << 8 | byte
    }
    return value
  }

  /// Whether the bytes from `offset` on start with `text`.
  func starts(with text: StaticString, at offset: Int) -> Bool {
    guard offset >= 0, offset <= count - text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { $0.elementsEqual(self[offset..<offset + $0.count]) }
  }
}
