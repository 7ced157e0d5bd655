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
  public func copyPlanes(to buffer: UnsafeMutableBufferPointer<Float>) throws {
    guard buffer.count == 3 * width * height else {
      throw EVSSMError(
        "picture.sample-count", "A buffer of \(buffer.count) values does not take \(width) by \(height) RGB pixels.",
        category: .internal)
    }
    fill(buffer)
  }

  private func fill(_ buffer: UnsafeMutableBufferPointer<Float>) {
    switch samples {
    case .eightBit(let bytes):
      let table = (0...255).map { Float($0) / 255 }
      table.withUnsafeBufferPointer { table in
        bytes.withUnsafeBufferPointer { separate($0, into: buffer) { table[Int($0)] } }
      }
    case .sixteenBit(let words):
      words.withUnsafeBufferPointer { separate($0, into: buffer) { Float($0) / 65_535 } }
    }
  }

  @inline(__always)
  private func separate<Sample>(
    _ samples: UnsafeBufferPointer<Sample>, into planes: UnsafeMutableBufferPointer<Float>, _ value: (Sample) -> Float
  ) {
    let count = width * height
    for pixel in 0..<count {
      planes[pixel] = value(samples[3 * pixel])
      planes[count + pixel] = value(samples[3 * pixel + 1])
      planes[2 * count + pixel] = value(samples[3 * pixel + 2])
    }
  }

  /// An 8-bit picture of float32 planes (3, H, W): ⌊255 · clamp(value, 0, 1) + ½⌋, and 0 for NaN.
  ///
  /// - Throws: `picture.sample-count` when `planes` does not hold `3 · width · height` values; errors of the size.
  /// - Complexity: O(pixels), one pass.
  public init(planes: UnsafeBufferPointer<Float>, width: Int, height: Int, alpha: [UInt8]? = nil) throws {
    try Limits.checkPicture(width: width, height: height)
    let count = width * height
    guard planes.count == 3 * count else {
      throw EVSSMError(
        "picture.sample-count", "\(planes.count) values do not fill \(width) by \(height) RGB pixels.",
        category: .internal)
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: 3 * count) { bytes, initialized in
      for pixel in 0..<count {
        for channel in 0..<3 { bytes[3 * pixel + channel] = Self.byte(planes[channel * count + pixel]) }
      }
      initialized = 3 * count
    }
    try self.init(width: width, height: height, rgb: bytes, alpha: alpha)
  }

  /// The same for an array.
  public init(planes: [Float], width: Int, height: Int, alpha: [UInt8]? = nil) throws {
    self = try planes.withUnsafeBufferPointer {
      try Picture(planes: $0, width: width, height: height, alpha: alpha)
    }
  }

  @inline(__always)
  static func byte(_ value: Float) -> UInt8 {
    // A NaN is not over 0.
    value > 0 ? UInt8(255 * min(value, 1) + 0.5) : 0
  }
}
