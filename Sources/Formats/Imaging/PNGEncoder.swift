import CPNG
import Tensors

/// Encodes pictures as 8-bit PNG, with libpng's default filters and compression.
enum PNGEncoder {
  static func encode(_ picture: Picture) throws -> [UInt8] {
    let samples = picture.alpha.map { interleave(picture.rgb, $0) } ?? picture.rgb
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(picture.width)
    image.height = UInt32(picture.height)
    image.format = UInt32(PNG_FORMAT_RGB) | (picture.alpha == nil ? 0 : UInt32(PNG_FORMAT_FLAG_ALPHA))
    defer { png_image_free(&image) }
    return try write(samples, &image)
  }

  private static func write(_ samples: [UInt8], _ image: inout png_image) throws -> [UInt8] {
    // Stored deflate blocks, filter bytes, and twelve bytes for each chunk of 8 KiB stay under 1/64 of the samples.
    let capacity = samples.count + samples.count / 64 + Int(image.height) + 4096
    return try [UInt8](unsafeUninitializedCapacity: capacity) { out, initialized in
      var size = capacity
      let done = samples.withUnsafeBytes {
        png_image_write_to_memory(&image, out.baseAddress, &size, 0, $0.baseAddress, 0, nil)
      }
      guard done != 0, size <= capacity else {
        throw EVSSMError("png.encoding", "libpng could not encode the picture.", category: .internal)
      }
      initialized = size
    }
  }

  private static func interleave(_ rgb: [UInt8], _ alpha: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: alpha.count * 4) { out, initialized in
      for pixel in alpha.indices {
        for channel in 0..<3 { out[4 * pixel + channel] = rgb[3 * pixel + channel] }
        out[4 * pixel + 3] = alpha[pixel]
      }
      initialized = alpha.count * 4
    }
  }
}
