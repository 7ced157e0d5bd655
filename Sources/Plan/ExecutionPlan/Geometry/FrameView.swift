import Tensors

/// An upright NHWC map as a frame sees it: pixel (row, column) of the frame lies at `base + row·rowStride +
/// column·columnStride`.
package struct FrameView: Sendable, Hashable {
  package let height: Int
  package let width: Int
  /// Offset of the frame's first pixel, in floats.
  package let base: Int
  package let rowStride: Int
  package let columnStride: Int

  /// - Parameters:
  ///   - height: rows of the upright map.
  ///   - width: columns of the upright map.
  ///   - pitch: floats a pixel.
  package init(frame: Frame, height: Int, width: Int, pitch: Int) {
    (self.height, self.width) = frame.size(height, width)
    let row = frame.transposed ? pitch : width * pitch
    let column = frame.transposed ? width * pitch : pitch
    base = frame.halfTurned ? (self.height - 1) * row + (self.width - 1) * column : 0
    rowStride = frame.halfTurned ? -row : row
    columnStride = frame.halfTurned ? -column : column
  }

  @inlinable package func offset(_ row: Int, _ column: Int) -> Int { base + row * rowStride + column * columnStride }
}
