import Imaging
import NumpyFormat
import Tensors

/// Bytes that one picture takes at the most beside the session that runs it: file, decoder, values, result and encoder.
package struct PictureMemory: Sendable {
  package let width: Int
  package let height: Int
  /// Run in one piece. The result is written over the picture: over samples of 8 bits where no values are wanted, else over
  /// values, which are gone when a picture of 8 bits is encoded; for a comparison the values before are held beside them, to
  /// the end.
  package let whole: Int
  /// Run in tiles; the tiles' buffers, which depend on their size, not counted.
  package let tiled: Int

  /// Looks at the file's structure, but does not decode it. Throws what reading it throws for the structure.
  package init(_ item: RestorationItem) throws {
    let source = try Source(path: item.input)
    (width, height) = (source.width, source.height)
    let planes = 3 * width * height * MemoryLayout<Float>.stride
    let encoding = try Self.encoding(source, to: item.output)
    let bytes = PictureFile.isArray(item.output) ? 0 : 3 * width * height
    let rows = PictureFile.isArray(item.output) ? planes : bytes
    tiled = max(source.decoding, source.decoded + rows, source.opacity + rows + encoding)
    if source.isEightBit, !item.needsPlanes {
      whole = max(source.decoding, source.decoded + encoding)
      return
    }
    let inPlanes = source.opacity + planes
    let before = item.comparison == nil ? 0 : planes
    let kept = item.comparison == nil && bytes > 0 ? 0 : planes
    whole = max(
      source.decoding, source.decoded + planes, inPlanes + before + bytes,
      source.opacity + kept + before + bytes + encoding)
  }

  /// What the input's file tells of its memory.
  private struct Source {
    let width: Int
    let height: Int
    let isEightBit: Bool
    let opacity: Int
    /// At the most while it is decoded, and afterwards.
    let decoding: Int
    let decoded: Int

    init(path: String) throws {
      if try SourcePicture.isArray(path: path) {
        (width, height) = try SourcePicture.arraySize(NumpyFile.shape(path: path), path)
        decoded = try Checked.product([width, height, 3, MemoryLayout<Float>.stride])
        decoding = try Checked.multiply(decoded, 2)
        (isEightBit, opacity) = (false, 0)
      } else {
        let info = try PictureInfo.read(path: path)
        (width, height) = (info.width, info.height)
        decoded = info.pictureByteCount
        decoding = info.decodingByteCount(fileByteCount: try InputFile(path).byteCount)
        isEightBit = info.bitDepth <= 8
        opacity = info.hasAlpha ? width * height : 0
      }
    }
  }

  /// Beside the picture of 8 bits, or the planes of an array, which are copied once.
  private static func encoding(_ source: Source, to path: String) throws -> Int {
    if PictureFile.isArray(path) { return source.width * source.height * 3 * MemoryLayout<Float>.stride }
    return PictureInfo.encodingByteCount(
      width: source.width, height: source.height, hasAlpha: source.opacity > 0, as: try PictureFormat(outputPath: path))
  }
}
