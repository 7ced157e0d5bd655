import Tensors

/// Everything an archive's headers say, read strictly: entries lie end to end from byte 0 to the central directory,
/// that
/// runs to the end record, and the local headers agree. Whatever two readers could see differently is refused.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10, and the archives that `torch.save` writes (alignment by extra fields,
/// descriptors).
package struct ZipDirectory: Sendable {
  /// In the order of the central directory.
  package private(set) var entries: [ZipEntry]

  /// - Complexity: O(entries log entries) and two reads an entry.
  init(file: InputFile) throws {
    let end = try ZipEndRecord(file: file)
    entries = try Self.centralEntries(file: file, end: end)
    try Self.checkNames(entries, file)
    try Self.checkInflation(entries, file)
    try readLocalHeaders(file: file, directoryOffset: end.directoryOffset)
  }

  /// Walks the entries in the order of the file; each must start where the one before ends.
  private mutating func readLocalHeaders(file: InputFile, directoryOffset: Int) throws {
    let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
    var at = 0
    for (position, index) in order.enumerated() {
      let entry = entries[index]
      guard entry.headerOffset == at else { throw Self.layoutError(entry, at: at, file) }
      let next = position + 1 < order.count ? entries[order[position + 1]].headerOffset : directoryOffset
      let local = try ZipLocalHeader(of: entry, file: file, next: next)
      entries[index].dataOffset = local.dataOffset
      at = next
    }
    guard at == directoryOffset else {
      throw EVSSMError(
        "zip.layout", "The archive has no entries, yet bytes before its directory.", place: file.place(at))
    }
  }

  private static func layoutError(_ entry: ZipEntry, at expected: Int, _ file: InputFile) -> EVSSMError {
    let what =
      if expected == 0 { "The first entry does not start at the first byte: something stands before the archive" } else
      { "Two entries overlap" }
    return EVSSMError(
      "zip.layout", "\(what). Write the archive again.",
      place: .init(file: file.path, byteOffset: UInt64(entry.headerOffset), node: entry.name))
  }

  private static func checkNames(_ entries: [ZipEntry], _ file: InputFile) throws {
    var seen = Set<String>(minimumCapacity: entries.count)
    for entry in entries {
      guard seen.insert(entry.name.lowercased()).inserted else {
        throw EVSSMError(
          "zip.duplicate-name", "Two entries of the archive have the same name (or differ by case alone).",
          place: .init(file: file.path, node: entry.name))
      }
    }
  }

  private static func checkInflation(_ entries: [ZipEntry], _ file: InputFile) throws {
    var total = 0
    for entry in entries {
      let place = EVSSMError.Place(file: file.path, node: entry.name)
      total = try Checked.add(total, entry.size, "The inflated size of the archive")
      if entry.method == .deflated {
        let most = try Checked.multiply(entry.compressedSize, Limits.maxInflationRatio)
        try Limits.check(entry.size, atMost: most, name: "max_ratio", "The inflated size of an entry", place: place)
      }
    }
    try Limits.check(
      total, atMost: Limits.maxInflatedBytes(fileBytes: file.byteCount), name: "max_inflated",
      "The inflated size of the archive", place: .init(file: file.path))
  }
}
