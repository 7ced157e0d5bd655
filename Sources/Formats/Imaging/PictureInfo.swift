import Tensors

/// What a picture file says about itself, known without decoding it and checked against every limit on its structure.
package struct PictureInfo: Sendable, Hashable {
  package let format: PictureFormat
  /// In pixels, of the upright picture.
  package let width: Int
  /// In pixels, of the upright picture.
  package let height: Int
  /// Bits a sample, or a palette index, as stored.
  package let bitDepth: Int
  /// Channels as stored: 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha.
  package let channels: Int
  package let orientation: Orientation
  /// Whether pixels may be less than opaque: an alpha channel, or a transparent colour of PNG.
  package let hasAlpha: Bool
  /// Whether a JPEG decoder must keep all coefficients until the last scan, as for progressive pictures.
  package let hasSeveralScans: Bool

  /// - Throws: everything that ``Picture/init(bytes:)`` throws for the structure of a file.
  /// - Complexity: O(file) time for its chunks or markers, O(1) memory.
  package init(bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try PictureStructure($0).info }
  }

  /// Reads the file at `path`. Memory: the file.
  package static func read(path: String) throws -> PictureInfo {
    do { return try PictureInfo(bytes: Picture.fileBytes(path)) } catch let error as EVSSMError {
      throw error.at(.init(file: path))
    }
  }

  init(
    format: PictureFormat, storedWidth: Int, storedHeight: Int, bitDepth: Int, channels: Int, orientation: Orientation,
    hasAlpha: Bool = false, hasSeveralScans: Bool = false
  ) {
    self.format = format
    (width, height) = orientation.swapsSides ? (storedHeight, storedWidth) : (storedWidth, storedHeight)
    self.bitDepth = bitDepth
    self.channels = channels
    self.orientation = orientation
    self.hasAlpha = hasAlpha
    self.hasSeveralScans = hasSeveralScans
  }
}

/// The scanned structure of a file of either format.
enum PictureStructure {
  case png(PNGStructure)
  case jpeg(JPEGStructure)

  init(_ bytes: UnsafeRawBufferPointer) throws {
    switch try PictureFormat(prefix: bytes) {
    case .png: self = .png(try PNGStructure(bytes))
    case .jpeg: self = .jpeg(try JPEGStructure(bytes))
    }
  }

  var info: PictureInfo {
    switch self {
    case .png(let structure): structure.info
    case .jpeg(let structure): structure.info
    }
  }
}
