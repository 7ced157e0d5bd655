import CJPEG
import Tensors

/// Decodes a JPEG file whose markers were scanned, through TurboJPEG, whose functions return errors instead of jumping
/// over the caller's frames.
struct JPEGDecoder {
  private let structure: JPEGStructure

  init(_ structure: JPEGStructure) { self.structure = structure }

  /// Any warning, such as missing or damaged data, counts as an error.
  func decode(_ file: UnsafeRawBufferPointer) throws -> Picture {
    guard let decoder = tjInitDecompress() else { throw TurboJPEG.unavailable }
    defer { tjDestroy(decoder) }
    let (width, height) = (structure.width, structure.height)
    let samples = try [UInt8](unsafeUninitializedCapacity: 3 * width * height) { out, initialized in
      let status = tjDecompress2(
        decoder, file.assumingMemoryBound(to: UInt8.self).baseAddress, UInt(file.count), out.baseAddress, Int32(width),
        Int32(3 * width), Int32(height), Int32(TJPF_RGB.rawValue),
        TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS)
      guard status == 0 else {
        throw EVSSMError(
          "jpeg.malformed", "The data of the picture is damaged (\(TurboJPEG.message(decoder))). Copy or save it again."
        )
      }
      initialized = 3 * width * height
    }
    let picture = try Picture(width: width, height: height, samples: .eightBit(samples), notes: notes)
    return try picture.upright(from: structure.orientation)
  }

  private var notes: [PictureNote] {
    let all = structure.components == 1 ? structure.notes.union([.greyReplicated]) : structure.notes
    return PictureNote.allCases.filter(all.contains)
  }
}

enum TurboJPEG {
  static var unavailable: EVSSMError {
    EVSSMError("jpeg.unavailable", "The JPEG library could not be started: memory is short.", category: .internal)
  }

  static func message(_ handle: tjhandle) -> String {
    tjGetErrorStr2(handle).map { EVSSMError.escaped(String(cString: $0)) } ?? "no reason given"
  }
}
