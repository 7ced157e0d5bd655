import Tensors

/// How a feed-forward stage is cut for maps of one size, and where its buffers lie. A pure function of the step and the
/// size.
///
/// The frame's columns are cut into panels; a panel is processed in bands of 8 rows, a band in strips of rows.
public struct FeedForwardLayout: Sendable, Hashable {
  public let height: Int
  public let width: Int
  /// First column of each panel, and the width as the last entry. Multiples of 8 but for the last.
  public let panelEdges: [Int]
  /// Columns of the widest panel.
  public let panelWidth: Int
  public let stripRows: Int
  public let hiddenPitch: Int
  public let channelPitch: Int

  /// Ring of `expandedRows` rows of project_in's result, each with one pixel of halo at both ends.
  public let expanded: Int
  /// What three strips reach: one is projected while the one after it waits and the next is expanded.
  public let expandedRows: Int
  /// Ring of `projectedRows` rows of project_out's result, each of `panelWidth` pixels.
  public let projected: Int
  /// Two bands; three where a strip is a whole band.
  public let projectedRows: Int
  /// Floats in all.
  public let total: Int

  public init(_ stage: FeedForwardStage, height: Int, width: Int) throws {
    let frame = stage.frame.size(height, width)
    (self.height, self.width) = frame
    // The last patch may reflect up to 8 columns of the one before it, so the last panel has two patches or is the only
    // one.
    var edges = Array(stride(from: 0, to: max(frame.width - 2 * Layout.patch + 1, 1), by: stage.panelColumns))
    edges.append(frame.width)
    panelEdges = edges
    panelWidth = zip(edges.dropFirst(), edges).map { $0 - $1 }.max() ?? frame.width
    // Where the map is narrower than a panel, strips of the planned number of pixels have more rows: a strip of a single
    // tile would leave all threads but one idle.
    var rows = stage.stripRows
    while rows < Layout.patch && 2 * rows * panelWidth <= stage.stripRows * stage.panelColumns { rows *= 2 }
    stripRows = rows
    hiddenPitch = Layout.pitch(stage.hidden)
    channelPitch = Layout.pitch(stage.channels)

    var scratch = ScratchAllocator()
    expandedRows = min(3 * stripRows, frame.height) + 2
    projectedRows = min(stripRows < Layout.patch ? 2 : 3, (frame.height + Layout.patch - 1) / Layout.patch) * Layout.patch
    expanded = try scratch.place(expandedRows, panelWidth + 2, 2, hiddenPitch)
    projected = try scratch.place(projectedRows, panelWidth, channelPitch)
    total = scratch.total
  }
}
