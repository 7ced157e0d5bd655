import Imaging
import Tensors

/// A picture as the network takes it, from a .npy, PNG or JPEG file, and back.
struct PictureData {
  /// Planes R, G, B of `height` × `width` values, in 0...1 for pictures.
  var planes: [Float]
  let width: Int
  let height: Int
  /// Opacity that the network does not touch.
  let alpha: [UInt8]?
  var notes: [String]

  /// Extensions of the files that a folder is searched for.
  static let extensions = ["png", "jpg", "jpeg", "npy"]

  /// Reads the file at `path`; its content says what it is.
  ///
  /// Throws errors of the formats, and `run.shape` for an array that is not (3, H, W).
  static func read(path: String) throws -> PictureData {
    let prefix = try InputFile(path).prefix(6)
    if prefix.starts(with: [0x93] + Array("NUMPY".utf8)) { return try array(path) }
    let picture = try Picture.read(path: path)
    return PictureData(
      planes: picture.planes(), width: picture.width, height: picture.height, alpha: picture.alpha,
      notes: picture.notes.map(\.rawValue))
  }

  private static func array(_ path: String) throws -> PictureData {
    let tensor = try NumpyFile.read(path: path)
    guard tensor.shape.count == 3, tensor.shape[0] == 3, tensor.elementCount > 0 else {
      throw EVSSMError(
        "run.shape", "The array has the shape \(Format.shape(tensor.shape)); a picture has (3, H, W).",
        place: .init(file: path))
    }
    return PictureData(
      planes: tensor.floats(), width: tensor.shape[2], height: tensor.shape[1], alpha: nil, notes: [])
  }

  /// Writes the values to `path`: as they are to .npy, clamped and rounded to 8 bits to .png and .jpg.
  /// - Returns: what the format could not keep.
  func write(to path: String) throws -> [String] {
    if OutputPath.fileExtension(path) == "npy" {
      try NumpyFile.write(Tensor(shape: [3, height, width], floats: planes), to: path)
      return alpha == nil ? [] : ["the alpha channel was dropped: an array of three planes has none"]
    }
    return try Picture(planes: planes, width: width, height: height, alpha: alpha).write(to: path).map(\.rawValue)
  }
}
