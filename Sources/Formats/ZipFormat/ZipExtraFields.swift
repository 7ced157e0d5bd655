import Tensors

/// The extra fields of a zip header (APPNOTE.TXT 4.5): the ones that change what an entry means.
struct ZipExtraFields {
  private static let zip64Identifier = 0x0001
  private static let unicodePathIdentifier = 0x7075

  /// Content of the zip64 field, if there is one.
  private(set) var zip64: ArraySlice<UInt8>?

  /// - Parameter name: the entry's name as the header states it.
  init(_ bytes: ArraySlice<UInt8>, name: ArraySlice<UInt8>, _ place: EVSSMError.Place) throws {
    var rest = bytes
    while !rest.isEmpty {
      guard rest.count >= 4 else { throw Self.refusal("is cut short", place) }
      let start = rest.startIndex
      let identifier = Int(rest[start]) | Int(rest[start + 1]) << 8
      let count = Int(rest[start + 2]) | Int(rest[start + 3]) << 8
      guard rest.count - 4 >= count else { throw Self.refusal("is longer than the header", place) }
      try take(identifier, rest[start + 4..<start + 4 + count], name, place)
      rest = rest[(start + 4 + count)...]
    }
  }

  private mutating func take(
    _ identifier: Int, _ content: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>, _ place: EVSSMError.Place
  ) throws {
    switch identifier {
    case Self.zip64Identifier:
      guard zip64 == nil else { throw Self.refusal("for zip64 stands twice", place) }
      zip64 = content
    case Self.unicodePathIdentifier:
      guard content.dropFirst(5).elementsEqual(name) else { throw Self.refusal("gives the entry a second name", place) }
    default: break
    }
  }

  /// The 64-bit values of the zip64 field: exactly `count`, as the sentinels in the header demand.
  func zip64Values(_ count: Int, _ place: EVSSMError.Place) throws -> [Int] {
    if count == 0 { return [] }
    guard let zip64, zip64.count == 8 * count else {
      throw Self.refusal("for zip64 does not hold the \(count) sizes that the header leaves to it", place)
    }
    let bytes = Array(zip64)
    return try (0..<count).map { try Checked.int(bytes.uint64(at: 8 * $0), "A size in an archive") }
  }

  private static func refusal(_ what: String, _ place: EVSSMError.Place) -> EVSSMError {
    EVSSMError("zip.extra-field", "An extra field of an archive entry \(what).", place: place)
  }
}
