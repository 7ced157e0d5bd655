/// A zip archive made byte by byte, with a knob for every lie that a header can tell.
package struct ZipBuilder {
  /// What one of an entry's two headers says; nil for the truth.
  package struct Header {
    package var name: [UInt8]?
    package var flags: Int?
    package var method: Int?
    package var crc: Int?
    package var compressedSize: Int?
    package var size: Int?
    package var extra: [UInt8] = []
    package var extraCount: Int?
  }

  package struct Entry {
    package var name: String
    package var data: [UInt8]
    /// The bytes in the archive when they are not `data`.
    package var packed: [UInt8]?
    package var method = 0
    package var flags = 0
    package var local = Header()
    package var central = Header()
    package var descriptor: [UInt8] = []
    package var gap: [UInt8] = []
    package var headerOffset: Int?
    package var madeBy = 20
    package var attributes = 0

    package init(_ name: String, _ data: [UInt8]) {
      self.name = name
      self.data = data
    }

    package static func deflated(_ name: String, _ data: [UInt8], _ packed: [UInt8]) -> Entry {
      var entry = Entry(name, data)
      entry.packed = packed
      entry.method = 8
      return entry
    }

    /// As `torch.save` writes: sizes in a descriptor, data aligned by an extra field.
    package func likeTorch(padding: Int = 20) -> Entry {
      var copy = self
      copy.flags = 0x808
      copy.local.crc = 0
      copy.local.size = 0
      copy.local.compressedSize = 0
      copy.local.extra = [0x46, 0x42, UInt8(padding), 0] + [UInt8](repeating: 0x5A, count: padding)
      copy.descriptor = ZipBuilder.descriptor(crc: CRC32.of(data), size: data.count)
      return copy
    }
  }

  package var entries: [Entry]
  package var leading: [UInt8] = []
  package var beforeDirectory: [UInt8] = []
  package var comment: [UInt8] = []
  package var commentCount: Int?
  package var trailing: [UInt8] = []
  package var count: Int?
  package var directoryOffset: Int?
  /// Content of the zip64 end record and locator; nil for none.
  package var zip64: Zip64?

  package struct Zip64 {
    package var count: Int?
    package var recordOffset: Int?
    package var directoryOffset: Int?

    package init(count: Int? = nil, recordOffset: Int? = nil, directoryOffset: Int? = nil) {
      (self.count, self.recordOffset, self.directoryOffset) = (count, recordOffset, directoryOffset)
    }
  }

  package init(_ entries: [Entry]) { self.entries = entries }

  package static func descriptor(crc: Int, size: Int, signed: Bool = true, wide: Bool = false) -> [UInt8] {
    var out: [UInt8] = signed ? [0x50, 0x4B, 7, 8] : []
    out.put32(crc)
    for _ in 0..<2 { if wide { out.put64(UInt64(size)) } else { out.put32(size) } }
    return out
  }

  package func build() -> [UInt8] {
    var out = leading
    var offsets: [Int] = []
    let checksums = entries.map { CRC32.of($0.data) }
    for (entry, crc) in zip(entries, checksums) {
      out += entry.gap
      offsets.append(entry.headerOffset ?? out.count)
      out += Self.header(entry, entry.local, crc, isCentral: false, offset: 0)
      out += entry.packed ?? entry.data
      out += entry.descriptor
    }
    out += beforeDirectory
    let start = out.count
    for (index, entry) in entries.enumerated() {
      out += Self.header(entry, entry.central, checksums[index], isCentral: true, offset: offsets[index])
    }
    appendEnd(&out, directoryStart: start)
    return out + trailing
  }

  private static func header(_ entry: Entry, _ header: Header, _ crc: Int, isCentral: Bool, offset: Int) -> [UInt8] {
    let name = header.name ?? Array(entry.name.utf8)
    var out: [UInt8] = [0x50, 0x4B] + (isCentral ? [1, 2] : [3, 4])
    if isCentral { out.put16(entry.madeBy) }
    out.put16(20)
    out.put16(header.flags ?? entry.flags)
    out.put16(header.method ?? entry.method)
    out.put32(0)
    out.put32(header.crc ?? crc)
    out.put32(header.compressedSize ?? (entry.packed ?? entry.data).count)
    out.put32(header.size ?? entry.data.count)
    out.put16(name.count)
    out.put16(header.extraCount ?? header.extra.count)
    if isCentral {
      out.put16(0)
      out.put32(0)
      out.put32(entry.attributes)
      out.put32(offset)
    }
    return out + name + header.extra
  }

  private func appendEnd(_ out: inout [UInt8], directoryStart: Int) {
    let size = out.count - directoryStart
    if let zip64 { Self.append(zip64, &out, count: entries.count, size: size, start: directoryStart) }
    out += [0x50, 0x4B, 5, 6]
    out.put32(0)
    let shown = zip64 == nil ? count ?? entries.count : 0xFFFF
    out.put16(shown)
    out.put16(shown)
    out.put32(zip64 == nil ? size : 0xFFFF_FFFF)
    out.put32(zip64 == nil ? directoryOffset ?? directoryStart : 0xFFFF_FFFF)
    out.put16(commentCount ?? comment.count)
    out += comment
  }

  private static func append(_ zip64: Zip64, _ out: inout [UInt8], count: Int, size: Int, start: Int) {
    let offset = out.count
    out += [0x50, 0x4B, 6, 6]
    out.put64(44)
    out.put16(45)
    out.put16(45)
    out.put64(0)
    out.put64(UInt64(zip64.count ?? count))
    out.put64(UInt64(zip64.count ?? count))
    out.put64(UInt64(size))
    out.put64(UInt64(zip64.directoryOffset ?? start))
    out += [0x50, 0x4B, 6, 7]
    out.put32(0)
    out.put64(UInt64(zip64.recordOffset ?? offset))
    out.put32(1)
  }
}
