import Tensors

/// One entry of a zip archive, as the central directory states it and the local header confirms it.
package struct ZipEntry: Sendable {
  package enum Method: Int, Sendable { case stored = 0, deflated = 8 }

  package var name: String
  /// Position in the central directory.
  package var index: Int
  package var method: Method
  var flags: Int
  var crc: Int
  var compressedSize: Int
  package var size: Int
  var headerOffset: Int
  /// Offset of the first byte of data in the file; known once the local header was read.
  package var dataOffset = 0

  /// General purpose bit 3: sizes follow the data.
  var hasDescriptor: Bool { flags & 0x8 != 0 }
  package var isDirectory: Bool { name.hasSuffix("/") }
}

/// A name that is safe to use as a record's name: relative, plain and short.
package enum ZipEntryName {
  /// Throws `zip.name` for names that are absolute, climb, or hold what no PyTorch archive holds.
  static func check(_ bytes: ArraySlice<UInt8>, _ place: EVSSMError.Place) throws -> String {
    try Limits.check(
      bytes.count, atMost: Limits.maxEntryNameBytes, name: "max_entry_name", "The length of an entry's name",
      place: place)
    guard let name = String(validating: bytes, as: UTF8.self) else { throw refusal("is not UTF-8", place) }
    var place = place
    place.node = name
    guard !name.isEmpty else { throw refusal("is empty", place) }
    guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { throw refusal("holds control characters", place) }
    guard !bytes.contains(UInt8(ascii: "\\")) else { throw refusal("holds a backslash", place) }
    guard bytes.first != UInt8(ascii: "/") else { throw refusal("is absolute", place) }
    let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let isDrive = parts[0].count == 2 && parts[0].last == UInt8(ascii: ":")
    guard !isDrive else { throw refusal("starts with a drive", place) }
    let inner = bytes.last == UInt8(ascii: "/") ? parts.dropLast() : parts[...]
    guard !inner.contains(where: { $0.isEmpty || $0.elementsEqual([0x2E]) || $0.elementsEqual([0x2E, 0x2E]) }) else {
      throw refusal("holds an empty, `.` or `..` part", place)
    }
    return name
  }

  /// Whether an entry may have this name.
  package static func isValid(_ name: String) -> Bool { (try? check(Array(name.utf8)[...], .init())) == name }

  private static func refusal(_ what: String, _ place: EVSSMError.Place) -> EVSSMError {
    EVSSMError("zip.name", "The name of an archive entry \(what); no writer of tensors makes such names.", place: place)
  }
}
