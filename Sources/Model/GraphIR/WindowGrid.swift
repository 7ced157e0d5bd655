import Tensors

/// Overlapping windows along one axis, as the released network lays them.
///
/// k = min(size, side); count = ⌊(size − 1)/k⌋ + 1. One window if the count is 1; else starts at multiples of
/// ⌈(size − k)/(count − 1)⌉, and the last start moved back to size − k. Not symmetric, because of the ceiling.
///
/// For the reference interpreter; written apart from the plan's `WindowAxis` on purpose, so that each checks the other.
package struct WindowGrid: Sendable, Hashable {
  /// First element of each window, ascending.
  package let starts: [Int]
  /// Elements in each window.
  package let length: Int

  /// Throws `window.size` unless `size` and `side` are positive.
  /// - Complexity: O(size / side).
  package init(size: Int, side: Int) throws {
    guard size > 0, side > 0 else {
      throw EVSSMError(
        "window.size", "Windows of side \(side) do not fit on an axis of \(size): both must be positive.")
    }
    length = min(size, side)
    let count = (size - 1) / length + 1
    if count == 1 {
      starts = [0]
      return
    }
    let step = (size - length + count - 2) / (count - 1)
    starts = Array(stride(from: 0, to: size - length, by: step)) + [size - length]
  }
}

/// A window in upright coordinates.
package struct WindowRectangle: Sendable, Hashable {
  package var top, left, height, width: Int

  package init(top: Int, left: Int, height: Int, width: Int) {
    self.top = top
    self.left = left
    self.height = height
    self.width = width
  }

  /// The windows on an upright `height` × `width` map, laid in `frame`, in the frame's row-major order.
  package static func windows(height: Int, width: Int, side: Int, frame: Frame) throws -> [WindowRectangle] {
    let framed = frame.size(height, width)
    let rows = try WindowGrid(size: framed.height, side: side)
    let columns = try WindowGrid(size: framed.width, side: side)
    return rows.starts.flatMap { row in
      columns.starts.map { column in
        let y = frame.halfTurned ? framed.height - rows.length - row : row
        let x = frame.halfTurned ? framed.width - columns.length - column : column
        let at = frame.size(y, x)
        let extent = frame.size(rows.length, columns.length)
        return WindowRectangle(top: at.height, left: at.width, height: extent.height, width: extent.width)
      }
    }
  }
}
