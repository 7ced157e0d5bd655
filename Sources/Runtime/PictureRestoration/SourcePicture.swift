import Imaging
import NumpyFormat
import Tensors

/// A picture as a file holds it, before it is made float32 planes.
struct SourcePicture {
  enum Content {
    case picture(Picture)
    /// Planes (3, height, width); empty once the content is taken.
    case array([Float])
  }

  private(set) var content: Content
  let width: Int
  let height: Int
  /// Opacity that the network does not touch.
  let alpha: [UInt8]?
  let notes: [String]

  private init(_ picture: Picture) {
    content = .picture(picture)
    (width, height, alpha, notes) = (picture.width, picture.height, picture.alpha, picture.notes.map(\.rawValue))
  }

  private init(array: [Float], width: Int, height: Int) {
    content = .array(array)
    (self.width, self.height, alpha, notes) = (width, height, nil, [])
  }

  /// Whether the file at `path` is a .npy array: its content says so.
  static func isArray(path: String) throws -> Bool {
    try InputFile(path).prefix(6).starts(with: [0x93] + Array("NUMPY".utf8))
  }

  /// Reads the file at `path`; its content says what it is.
  ///
  /// Throws errors of the formats, and `run.shape` for an array that is not (3, H, W) or (1, 3, H, W).
  static func read(path: String) throws -> SourcePicture {
    if try isArray(path: path) {
      let tensor = try NumpyFile.read(path: path)
      let size = try arraySize(tensor.shape, path)
      return SourcePicture(array: tensor.floats(), width: size.width, height: size.height)
    }
    return SourcePicture(try Picture.read(path: path))
  }

  static func arraySize(_ shape: [Int], _ path: String) throws -> (width: Int, height: Int) {
    let sizes = shape.count == 4 && shape[0] == 1 ? shape.dropFirst() : shape[...]
    guard sizes.count == 3, sizes.first == 3, !sizes.contains(0) else {
      throw EVSSMError(
        "run.shape", "The array has the shape \(shape); a picture has (3, H, W) or (1, 3, H, W).",
        place: .init(file: path))
    }
    return (shape[shape.count - 1], shape[shape.count - 2])
  }

  /// The planes (3, rows, columns) of a rectangle.
  func copyPlanes(rows: Range<Int>, columns: Range<Int>, to buffer: UnsafeMutableBufferPointer<Float>) throws {
    switch content {
    case .picture(let picture): try picture.copyPlanes(rows: rows, columns: columns, to: buffer)
    case .array(let values):
      for plane in 0..<3 {
        for (line, row) in rows.enumerated() {
          let from = (plane * height + row) * width + columns.lowerBound
          let to = (plane * rows.count + line) * columns.count
          for x in 0..<columns.count { buffer[to + x] = values[from + x] }
        }
      }
    }
  }

  /// Takes the samples of a picture of 8 bits away, as their only holder; nil, and nothing changes, for other content.
  mutating func takeSamples() -> [UInt8]? {
    guard case .picture(let picture) = content, case .eightBit(let samples) = picture.samples else { return nil }
    content = .array([])
    return samples
  }

  /// Takes all planes, (3, height, width), away, as their only holder.
  mutating func takePlanes() -> [Float] {
    defer { content = .array([]) }
    switch content {
    case .picture(let picture): return picture.planes()
    case .array(let values): return values
    }
  }
}
