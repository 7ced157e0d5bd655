import Tensors

/// The chunks of a PNG file (ISO/IEC 15948), checked for order, size and number before a decoder sees them.
struct PNGStructure {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private(set) var header = PNGHeader()
  /// Where the chunks that draw the picture are (IHDR, PLTE, tRNS, IDAT, IEND), neighbours joined, in order.
  private(set) var drawing: [Range<Int>] = []
  private(set) var hasTransparency = false
  private(set) var orientation = Orientation.upright
  private(set) var notes: Set<PictureNote> = []
  private var paletteCount: Int?
  private var dataByteCount = 0
  private var isDataOver = false

  /// - Complexity: O(chunks); of the contents only eXIf, tRNS and the headers are looked at.
  init(_ file: UnsafeRawBufferPointer) throws {
    var position = Self.signature.count
    var chunk = try PNGChunk(file, at: position)
    guard chunk.type == .header else { throw chunk.error("png.chunk-order", "A PNG file starts with IHDR.") }
    header = try PNGHeader(chunk)
    keep(chunk)
    repeat {
      position = chunk.range.upperBound
      chunk = try PNGChunk(file, at: position)
      try add(chunk)
    } while chunk.type != .end
    if chunk.range.upperBound != file.count { notes.insert(.trailingBytesIgnored) }
    try checkData(file)
  }

  private mutating func keep(_ chunk: PNGChunk) {
    if let last = drawing.last, last.upperBound == chunk.range.lowerBound {
      drawing[drawing.count - 1] = last.lowerBound..<chunk.range.upperBound
    } else {
      drawing.append(chunk.range)
    }
  }

  private mutating func add(_ chunk: PNGChunk) throws {
    if dataByteCount > 0, chunk.type != .data { isDataOver = true }
    switch chunk.type {
    case .data: try addData(chunk)
    case .palette: try addPalette(chunk)
    case .end:
      guard chunk.body.isEmpty else { throw chunk.error("png.chunk-length", "IEND must be empty.") }
      try chunk.checkCRC()
      keep(chunk)
    case _ where chunk.isCritical:
      throw chunk.error("png.critical-chunk", "The chunk \(chunk.name) is critical and unknown, or is repeated.")
    default: try addAncillary(chunk)
    }
  }

  private mutating func addData(_ chunk: PNGChunk) throws {
    guard !isDataOver else { throw chunk.error("png.chunk-order", "The IDAT chunks must follow each other.") }
    // An empty first chunk still starts the data.
    dataByteCount += max(chunk.body.count, 1)
    keep(chunk)
  }

  private mutating func addPalette(_ chunk: PNGChunk) throws {
    guard paletteCount == nil, dataByteCount == 0, !hasTransparency, header.hasColour else {
      throw chunk.error("png.chunk-order", "PLTE is repeated, late, or in a grey picture.")
    }
    let count = chunk.body.count / 3
    let maxCount = header.isPalette ? 1 << header.bitDepth : 256
    guard chunk.body.count % 3 == 0, count > 0, count <= maxCount else {
      throw chunk.error(
        "png.palette", "PLTE has \(chunk.body.count) bytes; it takes three for each of at most \(maxCount) colours.")
    }
    paletteCount = count
    if header.isPalette { keep(chunk) }
  }

  private mutating func addAncillary(_ chunk: PNGChunk) throws {
    if chunk.type != .frameData {
      try Limits.check(
        chunk.body.count, atMost: Limits.maxPNGAncillaryChunkBytes, name: "max_png_ancillary_chunk",
        "The length of a chunk that is not needed", place: chunk.place)
    }
    switch chunk.type {
    case .transparency: try addTransparency(chunk)
    case .exif: if (try? chunk.checkCRC()) != nil { orientation = EXIF.orientation(chunk.body) }
    case .profile, .gamma, .chromaticities, .codingPoints: notes.insert(.colourProfileNotApplied)
    case .animation: notes.insert(.firstFrameOnly)
    default: break
    }
  }

  private mutating func addTransparency(_ chunk: PNGChunk) throws {
    let expected: ClosedRange<Int>? =
      switch header.colourType {
      case 0: 2...2
      case 2: 6...6
      case 3: paletteCount.map { 1...$0 }
      default: nil
      }
    guard let expected, expected.contains(chunk.body.count), dataByteCount == 0, !hasTransparency else {
      throw chunk.error("png.transparency", "tRNS is repeated, out of place, or does not fit the kind of picture.")
    }
    try chunk.checkCRC()
    hasTransparency = true
    keep(chunk)
  }

  /// The data must be there and able to fill the picture: deflate expands at most 1,032 times.
  private func checkData(_ file: UnsafeRawBufferPointer) throws {
    guard dataByteCount > 0, !header.isPalette || paletteCount != nil else {
      throw EVSSMError("png.missing-chunk", "The file has no \(dataByteCount == 0 ? "IDAT" : "PLTE") chunk.")
    }
    let needed = header.width * header.height * header.channels * header.bitDepth / 8
    guard needed / 1032 <= dataByteCount else {
      throw EVSSMError(
        "png.data-too-short", "\(dataByteCount) bytes of data cannot hold \(header.width) by \(header.height) pixels.")
    }
  }

  var hasAlpha: Bool { header.colourType >= 4 || hasTransparency }

  var info: PictureInfo {
    PictureInfo(
      format: .png, storedWidth: header.width, storedHeight: header.height, bitDepth: header.bitDepth,
      channels: header.channels, orientation: orientation, hasAlpha: hasAlpha)
  }
}

/// The IHDR chunk.
struct PNGHeader {
  private(set) var width = 0
  private(set) var height = 0
  private(set) var bitDepth = 0
  /// 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha.
  private(set) var colourType = 0

  init() {}

  init(_ chunk: PNGChunk) throws {
    guard chunk.body.count == 13, let width = chunk.body.integer(at: 0, bytes: 4),
      let height = chunk.body.integer(at: 4, bytes: 4)
    else { throw chunk.error("png.header", "IHDR has \(chunk.body.count) bytes instead of 13.") }
    self.width = width
    self.height = height
    bitDepth = Int(chunk.body[8])
    colourType = Int(chunk.body[9])
    let (compression, filter, interlace) = (chunk.body[10], chunk.body[11], chunk.body[12])
    guard Self.depths[colourType]?.contains(bitDepth) ?? false, compression == 0, filter == 0, interlace <= 1 else {
      throw chunk.error(
        "png.header",
        "IHDR has colour type \(colourType), bit depth \(bitDepth), compression \(compression), filter \(filter), "
          + "interlace \(interlace): PNG does not define that.")
    }
    try Limits.checkPicture(width: width, height: height)
  }

  private static let depths = [0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]]

  var isPalette: Bool { colourType == 3 }
  var hasColour: Bool { colourType & 2 != 0 }
  var channels: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colourType] ?? 1 }
}
