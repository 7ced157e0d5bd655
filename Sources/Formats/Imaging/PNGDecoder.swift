import CPNG
import Tensors

/// Decodes a PNG file whose structure was scanned.
///
/// libpng sees only the chunks that draw the picture, so no profile, text or gamma reaches it. Its simplified interface
/// is used because that returns errors, where the other one jumps over the caller's frames.
struct PNGDecoder {
  private let structure: PNGStructure

  init(_ structure: PNGStructure) { self.structure = structure }

  func decode(_ file: UnsafeRawBufferPointer) throws -> Picture {
    let stripped = drawingBytes(file)
    let picture =
      structure.header.bitDepth == 16 ? try decodeSixteenBits(stripped) : try decodeEightBits(stripped)
    return try picture.upright(from: structure.orientation)
  }

  private func drawingBytes(_ file: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes = PNGStructure.signature
    bytes.reserveCapacity(structure.drawing.reduce(bytes.count) { $0 + $1.count })
    for range in structure.drawing { bytes.append(contentsOf: file[range]) }
    return bytes
  }

  private var channels: Int { structure.hasAlpha ? 4 : 3 }
  private var format: UInt32 { UInt32(PNG_FORMAT_RGB) | (structure.hasAlpha ? UInt32(PNG_FORMAT_FLAG_ALPHA) : 0) }

  private func decodeEightBits(_ png: [UInt8]) throws -> Picture {
    let samples = try read(png, format: format, as: UInt8.self)
    guard structure.hasAlpha else { return try picture(.eightBit(samples)) }
    let alpha = Self.everyFourth(samples)
    let isOpaque = alpha.allSatisfy { $0 == 255 }
    return try picture(.eightBit(Self.firstThree(samples)), alpha: isOpaque ? nil : alpha)
  }

  private func decodeSixteenBits(_ png: [UInt8]) throws -> Picture {
    let samples = try read(png, format: format | UInt32(PNG_FORMAT_FLAG_LINEAR), as: UInt16.self)
    guard structure.hasAlpha else { return try picture(.sixteenBit(samples)) }
    // libpng gives 16-bit colours multiplied by alpha, which is exact only where a pixel is opaque.
    guard Self.everyFourth(samples).allSatisfy({ $0 == 65_535 }) else {
      throw EVSSMError(
        "png.sixteen-bit-alpha",
        "Pictures of 16 bits with transparent pixels are not read. Convert to 8 bits or drop the alpha channel.")
    }
    return try picture(.sixteenBit(Self.firstThree(samples)))
  }

  private func picture(_ samples: Picture.Samples, alpha: [UInt8]? = nil) throws -> Picture {
    var notes = structure.notes
    if structure.header.isPalette { notes.insert(.paletteExpanded) }
    if !structure.header.hasColour { notes.insert(.greyReplicated) }
    if structure.hasAlpha, alpha == nil { notes.insert(.opaqueAlphaDropped) }
    return try Picture(
      width: structure.header.width, height: structure.header.height, samples: samples, alpha: alpha,
      notes: PictureNote.allCases.filter(notes.contains))
  }

  /// All samples of the picture, `channels` a pixel. Any warning of libpng's is about the data and counts as an error.
  private func read<Sample: BitwiseCopyable>(_ png: [UInt8], format: UInt32, as _: Sample.Type) throws -> [Sample] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    return try png.withUnsafeBytes { bytes in
      guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0,
        Int(image.width) == structure.header.width, Int(image.height) == structure.header.height
      else { throw Self.malformed(image) }
      image.format = format
      let count = structure.header.width * structure.header.height * channels
      return try [Sample](unsafeUninitializedCapacity: count) { samples, initialized in
        let rowStride = Int32(structure.header.width * channels)
        guard png_image_finish_read(&image, nil, samples.baseAddress, rowStride, nil) != 0, image.warning_or_error == 0
        else { throw Self.malformed(image) }
        initialized = count
      }
    }
  }

  private static func malformed(_ image: png_image) -> EVSSMError {
    let message = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return EVSSMError(
      "png.malformed", "The data of the picture is damaged (\(EVSSMError.escaped(message))). Copy or export it again.")
  }

  private static func everyFourth<Sample>(_ samples: [Sample]) -> [Sample] {
    samples.withUnsafeBufferPointer { samples in (0..<samples.count / 4).map { samples[4 * $0 + 3] } }
  }

  private static func firstThree<Sample: BitwiseCopyable>(_ samples: [Sample]) -> [Sample] {
    samples.withUnsafeBufferPointer { samples in
      [Sample](unsafeUninitializedCapacity: samples.count / 4 * 3) { out, initialized in
        for pixel in 0..<samples.count / 4 {
          for channel in 0..<3 { out[3 * pixel + channel] = samples[4 * pixel + channel] }
        }
        initialized = samples.count / 4 * 3
      }
    }
  }
}
