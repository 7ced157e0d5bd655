import Imaging

/// Three planes of a picture in double precision, as the measures of quality take them.
struct PixelPlanes {
  let width: Int
  let height: Int
  /// Red, green and blue, `width · height` values each, row by row.
  var channels: [[Double]]

  var pixelCount: Int { width * height }

  init(width: Int, height: Int, channels: [[Double]]) {
    self.width = width
    self.height = height
    self.channels = channels
  }

  /// The samples in 8 bits, each times `scale`.
  init(_ picture: Picture, scale: Double = 1) {
    width = picture.width
    height = picture.height
    let (rgb, count) = (picture.rgb, picture.width * picture.height)
    let values = (0...255).map { Double($0) * scale }
    channels = (0..<3).map { channel in
      rgb.withUnsafeBufferPointer { rgb in (0..<count).map { values[Int(rgb[3 * $0 + channel])] } }
    }
  }
}
