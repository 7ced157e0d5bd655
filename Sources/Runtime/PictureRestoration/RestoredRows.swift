import Imaging
import NumpyFormat
import Tensors

/// The result of a picture that is restored in tiles, as it grows from top to bottom: bytes for .png and .jpg, values
/// for .npy.
struct RestoredRows {
  private let width: Int
  private let height: Int
  private let path: String
  private var picture: PictureBuilder?
  private var planes: [Float] = []
  private(set) var nonFiniteCount = 0

  init(width: Int, height: Int, path: String) throws {
    self.width = width
    self.height = height
    self.path = path
    if PictureFile.isArray(path) {
      planes = [Float](repeating: 0, count: 3 * width * height)
    } else {
      picture = try PictureBuilder(width: width, height: height)
    }
  }

  /// Takes rows as (rows, 3, width).
  mutating func append(_ rows: Range<Int>, _ values: UnsafeBufferPointer<Float>) throws {
    nonFiniteCount += values.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
    if picture != nil {
      try picture?.setRows(rows, values)
      return
    }
    for row in 0..<rows.count {
      for plane in 0..<3 {
        let (from, to) = ((3 * row + plane) * width, (plane * height + rows.lowerBound + row) * width)
        for x in 0..<width { planes[to + x] = values[from + x] }
      }
    }
  }

  /// - Returns: what the format could not keep.
  func write(alpha: [UInt8]?) throws -> [String] {
    if let picture { return try picture.picture(alpha: alpha).write(to: path).map(\.rawValue) }
    try NumpyFile.write(Tensor(shape: [3, height, width], floats: planes), to: path)
    return alpha == nil ? [] : [PictureData.alphaDropped]
  }
}
