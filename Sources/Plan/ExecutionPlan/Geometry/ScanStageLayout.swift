import Tensors

/// How a scan stage is cut for maps of one size, and where its strip buffers lie. A pure function of the step and the
/// size.
///
/// A window is processed in strips of whole rows of the frame. The scan lags ``lag`` positions behind the depthwise
/// convolution, because the seven taps in front of it look that far ahead; the buffers have what the strip needs of the
/// one before it in front of its own positions.
///
/// The columns are cut in two halves at ``RowTiles/seam``, with buffers of their own: two threads that share a strip touch the
/// same cache lines only where they give each other the pixels on both sides of the seam.
package struct ScanStageLayout: Sendable {
  /// Positions that the scan runs behind: half of the taps.
  package static let lag = Layout.taps / 2

  package let rows: WindowAxis
  package let columns: WindowAxis
  /// Tiles of a window's rows.
  package let tiles: RowTiles
  /// Rows of a strip.
  package let stripRows: Int
  /// Floats a pixel of the inner maps.
  package let innerPitch: Int
  /// Floats a position of the scan's parameters.
  package let parameterPitch: Int

  /// The columns up to the seam.
  package let first: Half
  /// The columns behind it; nil where rows are not cut.
  package let second: Half?
  /// The scan's state, [8][innerPitch].
  package let state: Int
  /// The places of pixels that several windows cover, in `shared`.
  package let overlaps: OverlapLayout
  /// Sums of y of such pixels, each of `innerPitch` floats.
  package let shared: Int
  /// Floats in all.
  package let total: Int

  /// The buffers of a part of the columns. Of each pair one is for even and one for odd strips; they are the same where a
  /// window is one strip.
  package struct Half: Sendable {
    /// The first column.
    package let start: Int
    package let width: Int
    /// Ring of `stripRows + 2` rows of in_proj's x half, each with one pixel of halo at both ends.
    package let expanded: Int
    /// Rows of u, overwritten by y, with `lag` positions in front of them.
    package let sequence: (even: Int, odd: Int)
    /// Rows of x_proj's result, each with `lag` positions of halo at both ends, and `3·lag` positions in front of them: the end
    /// of the row before with its halo.
    package let parameters: (even: Int, odd: Int)
    /// Rows of the parameters behind the taps, with `lag` positions in front of them.
    package let convolved: Int
  }

  package init(_ stage: ScanStage, height: Int, width: Int) throws {
    let frame = stage.frame.size(height, width)
    rows = WindowAxis(size: frame.height, side: stage.windowSide)
    columns = WindowAxis(size: frame.width, side: stage.windowSide)
    tiles = RowTiles(width: columns.length)
    // A strip keeps the 2·lag positions in front of the next one, so it has at least as many.
    let least = (2 * Self.lag + columns.length - 1) / columns.length
    stripRows = min(rows.length, max(least, stage.stripPixels / columns.length, 1))
    innerPitch = Layout.pitch(stage.inner)
    parameterPitch = stage.parameterPitch
    var scratch = ScratchAllocator()
    let seam = tiles.seam
    let parities = stripRows < rows.length ? 2 : 1
    let pitches = (innerPitch, parameterPitch)
    first = try Half(0..<seam, rows: stripRows, parities: parities, pitches: pitches, &scratch)
    second =
      seam < columns.length
      ? try Half(seam..<columns.length, rows: stripRows, parities: parities, pitches: pitches, &scratch) : nil
    state = try scratch.place(Layout.states, innerPitch)
    overlaps = OverlapLayout(rows: rows, columns: columns, stripRows: stripRows)
    shared = try scratch.place(overlaps.pixels, innerPitch)
    total = scratch.total
  }
}

extension ScanStageLayout.Half {
  fileprivate init(
    _ columns: Range<Int>, rows: Int, parities: Int, pitches: (inner: Int, parameters: Int),
    _ scratch: inout ScratchAllocator
  ) throws {
    (start, width) = (columns.lowerBound, columns.count)
    let lag = ScanStageLayout.lag
    let positions = try Checked.multiply(rows, width)
    expanded = try scratch.place(rows + 2, width + 2, pitches.inner)
    func place(_ positions: Int, _ pitch: Int) throws -> (even: Int, odd: Int) {
      let even = try scratch.place(positions, pitch)
      return (even, parities == 2 ? try scratch.place(positions, pitch) : even)
    }
    sequence = try place(lag + positions, pitches.inner)
    parameters = try place(3 * lag + Checked.multiply(rows, width + 2 * lag), pitches.parameters)
    convolved = try scratch.place(lag + positions, pitches.parameters)
  }
}
