import Tensors

/// An upright RGB picture in memory.
///
/// Samples are as in the file: no colour profile or gamma is applied.
public struct Picture: Sendable, Hashable {
  /// Samples row by row, the R, G and B of a pixel side by side.
  package enum Samples: Sendable, Hashable {
    /// 0...255
    case eightBit([UInt8])
    /// 0...65,535
    case sixteenBit([UInt16])
  }

  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// `3 · width · height` samples.
  package let samples: Samples
  /// Opacity, `width · height` bytes, 255 for opaque; nil when every pixel is. Not premultiplied into the samples.
  public let alpha: [UInt8]?
  /// What reading changed or ignored.
  public var notes: [PictureNote]

  /// - Throws: `picture.empty` or `limit.exceeded` for the size, `picture.sample-count` when the arrays do not fill it.
  package init(width: Int, height: Int, samples: Samples, alpha: [UInt8]? = nil, notes: [PictureNote] = []) throws {
    try Limits.checkPicture(width: width, height: height)
    guard samples.count == 3 * width * height, alpha.map({ $0.count == width * height }) ?? true else {
      throw EVSSMError(
        "picture.sample-count", "\(samples.count) samples do not fill \(width) by \(height) RGB pixels.",
        category: .internal)
    }
    self.width = width
    self.height = height
    self.samples = samples
    self.alpha = alpha
    self.notes = notes
  }

  /// A picture of 8-bit samples, `3 · width · height` bytes.
  public init(width: Int, height: Int, rgb: [UInt8], alpha: [UInt8]? = nil) throws {
    try self.init(width: width, height: height, samples: .eightBit(rgb), alpha: alpha)
  }

  /// The samples in 8 bits; 16-bit ones are rounded to nearest.
  ///
  /// - Complexity: O(1) for 8-bit samples, else O(pixels).
  public var rgb: [UInt8] {
    switch samples {
    case .eightBit(let bytes): bytes
    case .sixteenBit(let words): words.map { UInt8((UInt32($0) * 255 + 32_767) / 65_535) }
    }
  }
}

extension Picture.Samples {
  var count: Int {
    switch self {
    case .eightBit(let samples): samples.count
    case .sixteenBit(let samples): samples.count
    }
  }
}

/// Something about a file that is not in the picture as it was read or written.
public enum PictureNote: String, Sendable, Hashable, CaseIterable {
  case greyReplicated = "grey samples were copied to red, green and blue"
  case paletteExpanded = "palette colours were expanded"
  case opaqueAlphaDropped = "the alpha channel was dropped: every pixel is opaque"
  case alphaDropped = "the alpha channel was dropped: JPEG has none"
  case sixteenBitsRounded = "16-bit samples were rounded to 8 bits"
  case orientationApplied = "the picture was turned upright as its EXIF orientation says"
  case colourProfileNotApplied = "the colour profile or gamma of the file was not applied"
  case firstFrameOnly = "only the first frame of the animation was read"
  case trailingBytesIgnored = "bytes after the end of the picture were ignored"
}
