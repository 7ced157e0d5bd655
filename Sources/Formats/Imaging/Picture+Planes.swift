import Tensors

extension Picture {
  /// The samples as float32 planes (3, H, W), in 0...1: byte / 255 or value / 65,535, each correctly rounded.
  ///
  /// - Complexity: O(pixels), one pass.
  public func planes() -> [Float] {
    [Float](unsafeUninitializedCapacity: 3 * width * height) { buffer, initialized in
      fill(buffer)
      initialized = 3 * width * height
    }
  }

  /// The same values written to a buffer of the caller's of exactly `3 · width · height` elements.
  /// - Throws: `picture.sample-count` for a buffer of another size.
  package func copyPlanes(to buffer: UnsafeMutableBufferPointer<Float>) throws {
    guard buffer.count == 3 * width * height else {
      throw EVSSMError(
        "picture.sample-count", "A buffer of \(buffer.count) values does not take \(width) by \(height) RGB pixels.",
        category: .internal)
    }
    fill(buffer)
  }

  /// The values of a rectangle as planes (3, rows, columns).
  /// - Throws: `picture.sample-count` for a buffer of another size, or a rectangle that is not in the picture.
  /// - Complexity: O(rows · columns).
  package func copyPlanes(
    rows: Range<Int>, columns: Range<Int>, to buffer: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard rows.lowerBound >= 0, rows.upperBound <= height, columns.lowerBound >= 0, columns.upperBound <= width,
      buffer.count == 3 * rows.count * columns.count
    else {
      throw EVSSMError(
        "picture.sample-count", "A buffer of \(buffer.count) values does not take rows \(rows) and columns \(columns).",
        category: .internal)
    }
    for (line, row) in rows.enumerated() {
      let pixels = row * width + columns.lowerBound..<row * width + columns.upperBound
      fill(buffer, pixels, at: line * columns.count, planeStride: rows.count * columns.count)
    }
  }

  private func fill(_ buffer: UnsafeMutableBufferPointer<Float>) {
    fill(buffer, 0..<width * height, at: 0, planeStride: width * height)
  }

  /// Writes consecutive pixels side by side, from `start` on in each plane.
  private func fill(
    _ buffer: UnsafeMutableBufferPointer<Float>, _ pixels: Range<Int>, at start: Int, planeStride: Int
  ) {
    let target = (pixels: pixels, start: start, stride: planeStride)
    switch samples {
    case .eightBit(let bytes):
      EightBitSample.values.withUnsafeBufferPointer { table in
        bytes.withUnsafeBufferPointer { Self.separate($0, into: buffer, target) { table[Int($0)] } }
      }
    case .sixteenBit(let words):
      words.withUnsafeBufferPointer { Self.separate($0, into: buffer, target) { Float($0) / 65_535 } }
    }
  }

  @inline(__always)
  private static func separate<Sample>(
    _ samples: UnsafeBufferPointer<Sample>, into planes: UnsafeMutableBufferPointer<Float>,
    _ target: (pixels: Range<Int>, start: Int, stride: Int), _ value: (Sample) -> Float
  ) {
    for index in 0..<target.pixels.count {
      let (from, to) = (3 * (target.pixels.lowerBound + index), target.start + index)
      planes[to] = value(samples[from])
      planes[target.stride + to] = value(samples[from + 1])
      planes[2 * target.stride + to] = value(samples[from + 2])
    }
  }

  /// An 8-bit picture of float32 planes (3, H, W): ⌊255 · clamp(value, 0, 1) + ½⌋, and 0 for NaN.
  ///
  /// - Throws: `picture.sample-count` when `planes` does not hold `3 · width · height` values; errors of the size.
  /// - Complexity: O(pixels), one pass.
  package init(planes: UnsafeBufferPointer<Float>, width: Int, height: Int, alpha: [UInt8]? = nil) throws {
    try Limits.checkPicture(width: width, height: height)
    let count = width * height
    guard planes.count == 3 * count else {
      throw EVSSMError(
        "picture.sample-count", "\(planes.count) values do not fill \(width) by \(height) RGB pixels.",
        category: .internal)
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: 3 * count) { bytes, initialized in
      for pixel in 0..<count {
        for channel in 0..<3 { bytes[3 * pixel + channel] = EightBitSample.rounding(planes[channel * count + pixel]) }
      }
      initialized = 3 * count
    }
    try self.init(width: width, height: height, rgb: bytes, alpha: alpha)
  }

  /// An 8-bit picture of float32 planes (3, H, W): ⌊255 · clamp(value, 0, 1) + ½⌋, and 0 for NaN.
  ///
  /// - Throws: `picture.sample-count` when `planes` does not hold `3 · width · height` values; errors of the size.
  /// - Complexity: O(pixels), one pass.
  public init(planes: [Float], width: Int, height: Int, alpha: [UInt8]? = nil) throws {
    self = try planes.withUnsafeBufferPointer {
      try Picture(planes: $0, width: width, height: height, alpha: alpha)
    }
  }
}
