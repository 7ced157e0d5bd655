import Tensors

/// An upright NHWC map as a frame sees it: pixel (row, column) of the frame lies at `base + row·rowStride +
/// column·columnStride`.
public struct FrameView: Sendable, Hashable {
  public let height: Int
  public let width: Int
  /// Offset of the frame's first pixel, in floats.
  public let base: Int
  public let rowStride: Int
  public let columnStride: Int

  /// - Parameters:
  ///   - height: rows of the upright map.
  ///   - width: columns of the upright map.
  ///   - pitch: floats a pixel.
  public init(frame: Frame, height: Int, width: Int, pitch: Int) {
    (self.height, self.width) = frame.size(height, width)
    let row = frame.transposed ? pitch : width * pitch
    let column = frame.transposed ? width * pitch : pitch
    base = frame.halfTurned ? (self.height - 1) * row + (self.width - 1) * column : 0
    rowStride = frame.halfTurned ? -row : row
    columnStride = frame.halfTurned ? -column : column
  }

  @inlinable public func offset(_ row: Int, _ column: Int) -> Int { base + row * rowStride + column * columnStride }
}
