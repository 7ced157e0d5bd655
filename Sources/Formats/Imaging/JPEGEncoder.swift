import CJPEG
import Tensors

/// Encodes pictures as baseline JPEG with full chroma resolution (4:4:4).
enum JPEGEncoder {
  static func encode(_ picture: Picture, quality: Int) throws -> [UInt8] {
    guard (1...100).contains(quality) else {
      throw EVSSMError("picture.quality", "The JPEG quality \(quality) is not one of 1 to 100.", category: .usage)
    }
    guard let encoder = tjInitCompress() else { throw TurboJPEG.unavailable }
    defer { tjDestroy(encoder) }
    let rgb = picture.rgb
    let sampling = Int32(TJSAMP_444.rawValue)
    let capacity = tjBufSize(Int32(picture.width), Int32(picture.height), sampling)
    return try [UInt8](unsafeUninitializedCapacity: Int(capacity)) { out, initialized in
      var start = out.baseAddress
      var size = capacity
      let status = tjCompress2(
        encoder, rgb, Int32(picture.width), Int32(3 * picture.width), Int32(picture.height), Int32(TJPF_RGB.rawValue),
        &start, &size, sampling, Int32(quality), TJFLAG_ACCURATEDCT | TJFLAG_NOREALLOC)
      guard status == 0 else {
        throw EVSSMError("jpeg.encoding", "Encoding failed: \(TurboJPEG.message(encoder)).", category: .internal)
      }
      initialized = Int(size)
    }
  }
}
