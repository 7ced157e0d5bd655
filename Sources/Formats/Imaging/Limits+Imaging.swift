import Tensors

extension Limits {
  /// `max_picture_pixels`: pixels of a picture.
  package static let maxPicturePixels = 64_000_000
  /// `max_picture_side`: width or height of a picture in pixels.
  package static let maxPictureSide = 32_768
  /// `max_picture_file`: bytes of a PNG or JPEG file.
  package static let maxPictureFileBytes = 1 << 30
  /// `max_png_ancillary_chunk`: bytes of a PNG chunk that is not needed to draw the picture (frames of an animation
  /// excepted).
  package static let maxPNGAncillaryChunkBytes = 1 << 20
  /// `max_jpeg_scans`: scans of a JPEG file.
  package static let maxJPEGScans = 100

  /// Throws unless 1 ≤ `width`, `height` ≤ `max_picture_side` and their product ≤ `max_picture_pixels`.
  static func checkPicture(width: Int, height: Int) throws {
    guard width > 0, height > 0 else {
      throw EVSSMError("picture.empty", "The picture is \(width) by \(height) pixels. It needs at least one.")
    }
    try check(width, atMost: maxPictureSide, name: "max_picture_side", "The picture's width")
    try check(height, atMost: maxPictureSide, name: "max_picture_side", "The picture's height")
    try check(width * height, atMost: maxPicturePixels, name: "max_picture_pixels", "The number of pixels")
  }
}
