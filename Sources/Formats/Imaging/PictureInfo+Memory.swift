import Tensors

/// Memory that decoding and encoding take at most, for callers that have a budget. Sizes are within ``Limits``, so that
/// no sum overflows.
extension PictureInfo {
  private var pixels: Int { width * height }
  private var sampleByteCount: Int { bitDepth == 16 ? 2 : 1 }

  /// Bytes of the decoded ``Picture``: samples, and a byte a pixel of opacity.
  package var pictureByteCount: Int { pixels * (3 * sampleByteCount + (hasAlpha ? 1 : 0)) }

  /// Bytes in use at the most while ``Picture/read(path:)`` works on a file of `fileByteCount` bytes, the result
  /// included.
  ///
  /// The decoder's output, its parted or turned copy, the file, for PNG its chunks once more, for JPEG of several scans
  /// all coefficients, and working rows.
  package func decodingByteCount(fileByteCount: Int) -> Int {
    let interleaved = pixels * (hasAlpha ? 4 : 3) * sampleByteCount
    let turned = orientation == .upright ? 0 : pictureByteCount
    let copies = hasAlpha || turned > 0 ? pictureByteCount + turned : 0
    let rows = Self.workingRows * max(width, height) * 8
    switch format {
    case .png: return 2 * fileByteCount + interleaved + copies + rows
    case .jpeg: return fileByteCount + interleaved + copies + rows + (hasSeveralScans ? Self.coefficients(pixels) : 0)
    }
  }

  /// Rows of eight bytes a pixel that a decoder or encoder works in: more than libjpeg-turbo's 8 lines of blocks, with
  /// context and resampling, of three components.
  private static let workingRows = 64

  /// Two bytes a coefficient, three components at full resolution, blocks that reach over the border.
  private static func coefficients(_ pixels: Int) -> Int { 6 * (pixels + pixels / 8) + (1 << 20) }

  /// Bytes in use at the most while ``Picture/write(to:quality:)`` works on a picture of 8 bits, beside the picture
  /// itself.
  package static func encodingByteCount(width: Int, height: Int, hasAlpha: Bool, as format: PictureFormat) -> Int {
    let rows = workingRows * width * 8
    switch format {
    case .png:
      let samples = width * height * (hasAlpha ? 4 : 3)
      return (hasAlpha ? samples : 0) + samples + samples / 64 + height + 4096 + rows + (1 << 20)
    case .jpeg:
      return 6 * (width + 16) * (height + 16) + 2048 + rows
    }
  }
}
