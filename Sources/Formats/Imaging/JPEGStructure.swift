import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The markers of a JPEG file (ITU-T T.81, annex B), checked before a decoder sees it.
struct JPEGStructure {
  private(set) var width = 0
  private(set) var height = 0
  private(set) var components = 0
  private(set) var orientation = Orientation.upright
  private(set) var notes: Set<PictureNote> = []
  private var scanCount = 0
  private var isProgressive = false
  private var hasEXIF = false

  /// - Complexity: O(file), O(1) memory.
  init(_ file: UnsafeRawBufferPointer) throws {
    var position = 2
    while true {
      let marker = try Self.marker(file, &position)
      if marker == JPEGMarker.endOfImage { break }
      let segment = try JPEGSegment(file, marker: marker, at: position)
      try add(segment)
      position = segment.end
      if marker == JPEGMarker.startOfScan { position = try Self.endOfScan(file, from: position) }
    }
    if position != file.count { notes.insert(.trailingBytesIgnored) }
    guard scanCount > 0 else { throw EVSSMError("jpeg.no-scan", "The file has no scan: it holds no picture.") }
    try checkData(file.count)
  }

  /// The marker at `position`, which may have fill bytes before it; moves past it.
  private static func marker(_ file: UnsafeRawBufferPointer, _ position: inout Int) throws -> UInt8 {
    let start = position
    while position < file.count, file[position] == 0xFF { position += 1 }
    guard position < file.count else { throw truncated(at: start) }
    guard position > start else {
      throw EVSSMError(
        "jpeg.marker", "A marker was expected here: the file is damaged.", place: .init(byteOffset: UInt64(start)))
    }
    position += 1
    return file[position - 1]
  }

  static func truncated(at position: Int) -> EVSSMError {
    EVSSMError(
      "jpeg.truncated", "The file ends before the picture does. Copy or download it again.",
      place: .init(byteOffset: UInt64(position)))
  }

  /// Where the entropy-coded data from `start` on ends: at a marker other than a restart marker.
  private static func endOfScan(_ file: UnsafeRawBufferPointer, from start: Int) throws -> Int {
    guard let base = file.baseAddress else { throw truncated(at: start) }
    var position = start
    while position < file.count, let found = memchr(base + position, 0xFF, file.count - position) {
      position = UnsafeRawPointer(found) - base + 1
      guard position < file.count else { break }
      let next = file[position]
      if next != 0, next != 0xFF, !JPEGMarker.restarts.contains(next) { return position - 1 }
    }
    throw truncated(at: file.count)
  }

  private mutating func add(_ segment: JPEGSegment) throws {
    switch segment.marker {
    case 0xC0, 0xC1, 0xC2: try addFrame(segment)
    case JPEGMarker.startOfScan:
      guard components > 0 else { throw segment.error("jpeg.marker-order", "A scan comes before the frame header.") }
      scanCount += 1
      try Limits.check(
        scanCount, atMost: Limits.maxJPEGScans, name: "max_jpeg_scans", "The number of scans", place: segment.place)
    case 0xE1: addEXIF(segment.body)
    case 0xE2: if segment.body.starts(with: "ICC_PROFILE\0", at: 0) { notes.insert(.colourProfileNotApplied) }
    case 0xC4, 0xDB, 0xDD, 0xE0...0xEF, 0xFE: break
    default: throw JPEGMarker.refusal(segment)
    }
  }

  private mutating func addEXIF(_ body: UnsafeRawBufferPointer) {
    guard !hasEXIF, body.starts(with: "Exif\0\0", at: 0) else { return }
    hasEXIF = true
    orientation = EXIF.orientation(UnsafeRawBufferPointer(rebasing: body[6...]))
  }

  private mutating func addFrame(_ segment: JPEGSegment) throws {
    let body = segment.body
    guard components == 0 else { throw segment.error("jpeg.marker-order", "The frame header is there twice.") }
    guard let precision = body.integer(at: 0, bytes: 1), let height = body.integer(at: 1, bytes: 2),
      let width = body.integer(at: 3, bytes: 2), let count = body.integer(at: 5, bytes: 1), body.count == 6 + 3 * count
    else { throw segment.error("jpeg.frame", "The frame header has the wrong length: the file is damaged.") }
    guard precision == 8 else {
      throw segment.error("jpeg.precision", "JPEG of \(precision) bits a sample is not read. Convert it to 8 bits.")
    }
    guard height > 0 else {
      throw segment.error(
        "jpeg.undefined-height", "JPEG whose height follows the picture (DNL) is not read. Save it again.")
    }
    try checkComponents(count, segment)
    try Limits.checkPicture(width: width, height: height)
    (self.width, self.height, components) = (width, height, count)
    isProgressive = segment.marker == 0xC2
  }

  private func checkComponents(_ count: Int, _ segment: JPEGSegment) throws {
    switch count {
    case 1, 3: break
    case 4: throw segment.error("jpeg.cmyk", "CMYK and YCCK pictures are not read. Convert it to RGB.")
    default: throw segment.error("jpeg.components", "A picture of \(count) components is not read. Convert it to RGB.")
    }
    for index in 0..<count {
      let factors = segment.body[7 + 3 * index]
      guard (1...4).contains(factors >> 4), (1...4).contains(factors & 15) else {
        throw segment.error("jpeg.frame", "A sampling factor is not one of 1 to 4: the file is damaged.")
      }
    }
  }

  /// A block of 64 samples takes at least one bit, and at most sixteen pixels share a sample.
  private func checkData(_ byteCount: Int) throws {
    guard width * height / (64 * 8 * 16) <= byteCount else {
      throw EVSSMError("jpeg.data-too-short", "\(byteCount) bytes cannot hold \(width) by \(height) pixels.")
    }
  }

  var info: PictureInfo {
    PictureInfo(
      format: .jpeg, storedWidth: width, storedHeight: height, bitDepth: 8, channels: components,
      orientation: orientation, hasSeveralScans: isProgressive || scanCount > 1)
  }
}
