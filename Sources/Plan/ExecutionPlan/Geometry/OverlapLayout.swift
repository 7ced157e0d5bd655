import Tensors

/// Where the sums of pixels that several windows cover are kept, until the last of those windows has added its own; and the order of
/// the windows that keeps these memories small.
///
/// Windows go along one axis, the inner one, and then on along the outer one. What they share with the next along the outer axis is
/// kept for all of the inner axis; what they share with the next along the inner axis alone, for that window only. At most two
/// windows cover a pixel along an axis.
package struct OverlapLayout: Sendable, Hashable {
  private let rows: WindowAxis
  private let columns: WindowAxis
  /// Whether columns are the outer axis: the one of fewer windows.
  package let isColumnMajor: Bool
  private let outer: Part
  private let inner: Part
  /// Rows that lie between a row whose sums are taken and one that may take its place.
  private let delay: Int

  /// Memory for what neighbours along one axis share, `height` × `width` pixels for each of `copies` neighbours in turn.
  private struct Part: Hashable {
    let first: Int
    let height: Int
    let width: Int
    let copies: Int

    var end: Int { first + height * width * copies }
  }

  /// - Parameter stripRows: rows of a window that are finished at a time.
  package init(rows: WindowAxis, columns: WindowAxis, stripRows: Int) {
    (self.rows, self.columns) = (rows, columns)
    isColumnMajor = columns.starts.count < rows.starts.count
    // A strip ends within its last row, so two strips are a safe distance.
    delay = 2 * stripRows + 1
    let (outerAxis, innerAxis) = isColumnMajor ? (columns, rows) : (rows, columns)
    let copies = { (axis: WindowAxis) in min(max(axis.starts.count - 1, 0), 2) }
    let own = outerAxis.ownPixels
    let shared = (outer: outerAxis.sharedPixels, inner: innerAxis.sharedPixels)
    if isColumnMajor {
      outer = Part(first: 0, height: rows.size, width: shared.outer, copies: copies(columns))
      let isFarApart = rows.length - shared.inner >= delay
      inner = Part(
        first: outer.end, height: shared.inner, width: own, copies: isFarApart ? min(copies(rows), 1) : copies(rows))
    } else {
      outer = Part(first: 0, height: shared.outer, width: columns.size, copies: copies(rows))
      let height = own + (copies(columns) == 2 ? delay : 0)
      inner = Part(first: outer.end, height: height, width: shared.inner, copies: min(copies(columns), 1))
    }
  }

  /// Pixels of memory in all; 0 where no windows overlap. Sides of maps are bounded, so it does not overflow.
  package var pixels: Int { inner.end }

  /// The place of a pixel, given in the frame, that window (`rowIndex`, `columnIndex`) shares with others. Pixels beside each other in
  /// a row that are shared with the same windows have places beside each other.
  package func place(row: Int, column: Int, rowIndex: Int, columnIndex: Int) -> Int {
    let inRows = rows.sharing(row, in: rowIndex)
    let inColumns = columns.sharing(column, in: columnIndex)
    if isColumnMajor {
      if let boundary = inColumns {
        return place(outer, row, column - columns.starts[boundary + 1], copy: boundary)
      }
      guard let boundary = inRows else { return 0 }
      return place(
        inner, row - rows.starts[boundary + 1], column - columns.firstOwnPixel(of: columnIndex), copy: boundary)
    }
    if let boundary = inRows {
      return place(outer, row - rows.starts[boundary + 1], column, copy: boundary)
    }
    guard let boundary = inColumns else { return 0 }
    return place(
      inner, ringRow(row - rows.firstOwnPixel(of: rowIndex), boundary), column - columns.starts[boundary + 1], copy: 0)
  }

  /// A window takes the places of its left neighbour's rows for its right one's, `delay` rows after they have been read.
  private func ringRow(_ row: Int, _ boundary: Int) -> Int {
    if columns.starts.count <= 2 { return row }
    let remainder = (row - boundary * delay) % inner.height
    return remainder < 0 ? remainder + inner.height : remainder
  }

  private func place(_ part: Part, _ row: Int, _ column: Int, copy: Int) -> Int {
    part.first + ((part.copies > 1 ? copy % part.copies : 0) * part.height + row) * part.width + column
  }
}

extension WindowAxis {
  /// Pixels of the axis.
  package var size: Int { (starts.last ?? 0) + length }

  /// The first pixel of window `index` that a later window covers too; the window's end if there are none.
  package func coveredFrom(_ index: Int) -> Int {
    index + 1 < starts.count ? min(starts[index + 1], starts[index] + length) : starts[index] + length
  }

  /// The first pixel of window `index` that no earlier one covers.
  func firstOwnPixel(of index: Int) -> Int { max(starts[index], coveredBefore(index)) }

  /// The number of the boundary between windows at which window `index` shares the pixel with its neighbour; nil if it does not.
  func sharing(_ pixel: Int, in index: Int) -> Int? {
    if pixel < coveredBefore(index) && index > 0 { return index - 1 }
    return pixel >= coveredFrom(index) ? index : nil
  }

  /// Pixels that two neighbouring windows share at most.
  var sharedPixels: Int { starts.indices.dropFirst().reduce(0) { max($0, coveredBefore($1) - starts[$1]) } }

  /// Pixels that a window has to itself at most.
  var ownPixels: Int { starts.indices.reduce(0) { max($0, coveredFrom($1) - firstOwnPixel(of: $1)) } }
}
