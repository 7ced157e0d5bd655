import Imaging
import NumpyFormat
import Tensors

/// A picture as the network takes it, from a .npy, PNG or JPEG file, and back.
package struct PictureData: Sendable {
  /// Planes R, G, B of `height` × `width` values, in 0...1 for pictures.
  package var planes: [Float]
  package let width: Int
  package let height: Int
  /// Opacity that the network does not touch.
  package let alpha: [UInt8]?
  package var notes: [String]

  /// Extensions of the files that a folder is searched for.
  package static let extensions = ["png", "jpg", "jpeg", "npy"]

  /// Reads the file at `path`. Throws what ``SourcePicture/read(path:)`` throws.
  package static func read(path: String) throws -> PictureData {
    var source = try SourcePicture.read(path: path)
    return PictureData(taking: &source)
  }

  /// Takes the picture's values away.
  init(taking source: inout SourcePicture) {
    self.init(
      planes: source.takePlanes(), width: source.width, height: source.height, alpha: source.alpha, notes: source.notes)
  }

  package init(planes: [Float], width: Int, height: Int, alpha: [UInt8]?, notes: [String]) {
    (self.planes, self.width, self.height, self.alpha, self.notes) = (planes, width, height, alpha, notes)
  }

  /// The values clamped and rounded to 8 bits, without opacity.
  package func asPicture() throws -> Picture { try Picture(planes: planes, width: width, height: height) }

  /// Writes this picture and its result side by side, captioned, in the format that the path's extension names.
  func writeComparison(with result: PictureData, to path: String) throws {
    try asPicture().beside(result.asPicture(), captions: ("before", "after")).write(to: path)
  }

  /// Writes the values to `path`: as they are to .npy, clamped and rounded to 8 bits to .png and .jpg.
  /// - Returns: what the format could not keep.
  func write(to path: String) throws -> [String] {
    if PictureFile.isArray(path) {
      try NumpyFile.write(Tensor(shape: [3, height, width], floats: planes), to: path)
      return alpha == nil ? [] : [Self.alphaDropped]
    }
    return try Picture(planes: planes, width: width, height: height, alpha: alpha).write(to: path).map(\.rawValue)
  }

  /// Writes the values like ``write(to:)``, and forgets them as soon as they are rounded, before they are encoded.
  mutating func writeLast(to path: String) throws -> [String] {
    if PictureFile.isArray(path) { return try write(to: path) }
    let result = try Picture(planes: planes, width: width, height: height, alpha: alpha)
    planes = []
    return try result.write(to: path).map(\.rawValue)
  }

  package static let alphaDropped = "the alpha channel was dropped: an array of three planes has none"
}
