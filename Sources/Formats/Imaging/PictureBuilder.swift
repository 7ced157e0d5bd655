import Tensors

/// An 8-bit picture that is made row by row from float32 values, in three bytes a pixel.
package struct PictureBuilder: Sendable {
  package let width: Int
  package let height: Int
  private var bytes: [UInt8]

  /// A black picture. Throws errors of the size.
  package init(width: Int, height: Int) throws {
    try Limits.checkPicture(width: width, height: height)
    self.width = width
    self.height = height
    bytes = [UInt8](repeating: 0, count: 3 * width * height)
  }

  /// Sets rows from values as (rows, 3, width), rounded as `Picture.init(planes:width:height:alpha:)` does.
  /// - Throws: `picture.sample-count` when the values do not fill the rows, or the picture has no such rows.
  /// - Complexity: O(values).
  package mutating func setRows(_ rows: Range<Int>, _ values: UnsafeBufferPointer<Float>) throws {
    guard rows.lowerBound >= 0, rows.upperBound <= height, values.count == 3 * rows.count * width else {
      throw EVSSMError(
        "picture.sample-count", "\(values.count) values do not fill rows \(rows) of \(width) RGB pixels.",
        category: .internal)
    }
    bytes.withUnsafeMutableBufferPointer { bytes in
      for row in 0..<rows.count {
        for channel in 0..<3 {
          let (from, to) = ((3 * row + channel) * width, 3 * (rows.lowerBound + row) * width + channel)
          for x in 0..<width { bytes[to + 3 * x] = EightBitSample.rounding(values[from + x]) }
        }
      }
    }
  }

  /// The picture; the bytes are not copied.
  package func picture(alpha: [UInt8]? = nil) throws -> Picture {
    try Picture(width: width, height: height, rgb: bytes, alpha: alpha)
  }
}
