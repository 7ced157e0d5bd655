import Tensors

/// How a feed-forward stage is cut for maps of one size, and where a thread's buffers lie. A pure function of the step and
/// the size.
///
/// The frame's columns are cut into panels, and panels into segments of rows. A thread works through a segment by itself, in
/// bands of 8 rows and strips of rows, with all that lies between input and output in its own memory.
package struct FeedForwardLayout: Sendable, Hashable {
  package let height: Int
  package let width: Int
  /// First column of each panel, and the width as the last entry. Multiples of 8 but for the last.
  package let panelEdges: [Int]
  /// Columns of the widest panel.
  package let panelWidth: Int
  package let stripRows: Int
  package let hiddenPitch: Int
  package let channelPitch: Int

  /// Ring of `expandedRows` rows of project_in's result, each with one pixel of halo at both ends.
  package let expanded: Int
  /// What a strip's convolution reads.
  package let expandedRows: Int
  /// Ring of `projectedRows` rows of project_out's result, each of `panelWidth` pixels.
  package let projected: Int
  /// A band; two where the last band is no whole one and reflects into the one above.
  package let projectedRows: Int
  /// Of a stage in place: rows at the segments' edges, ``edgeRowsPerThread`` of them in the memory of each thread, for all
  /// threads to read.
  package let edgeRows: Int
  /// Enough, with as many in the memory of every other thread, for two rows an edge of ``segments(threads:)``.
  package let edgeRowsPerThread: Int
  /// Floats in all.
  package let total: Int

  /// Whether the stage writes over its input. Then all that one panel or segment reads of another is saved first: see
  /// ``seams`` and ``edgeRows``.
  package let isInPlace: Bool
  /// Boundaries between two panels.
  package let seamCount: Int
  /// Floats of memory that all threads share, 0 unless the stage is in place: [row][seam][2] pixels, the last column of the
  /// panel in front of the seam and the first of the one behind it.
  package let seams: Int

  package init(_ stage: FeedForwardStage, height: Int, width: Int) throws {
    let frame = stage.frame.size(height, width)
    (self.height, self.width) = frame
    // The last patch may reflect up to 8 columns of the one before it, so the last panel has two patches or is the only
    // one.
    var edges = Array(stride(from: 0, to: max(frame.width - 2 * Layout.patch + 1, 1), by: stage.panelColumns))
    edges.append(frame.width)
    panelEdges = edges
    panelWidth = zip(edges.dropFirst(), edges).map { $0 - $1 }.max() ?? frame.width
    stripRows = stage.stripRows
    hiddenPitch = Layout.pitch(stage.hidden)
    channelPitch = Layout.pitch(stage.channels)

    var scratch = ScratchAllocator()
    expandedRows = stripRows + 2
    projectedRows = (frame.height % Layout.patch == 0 ? 1 : 2) * Layout.patch
    expanded = try scratch.place(expandedRows, panelWidth + 2, 2, hiddenPitch)
    projected = try scratch.place(projectedRows, panelWidth, channelPitch)

    isInPlace = stage.input == stage.output
    seamCount = edges.count - 2
    let most = Self.mostSegments(height: frame.height)
    edgeRowsPerThread = isInPlace ? min(Self.segmentsPerThread, most - 1) * 2 : 0
    edgeRows = try scratch.place(edgeRowsPerThread, frame.width, channelPitch)
    total = scratch.total
    seams =
      isInPlace ? try Checked.product([frame.height, seamCount, 2, channelPitch], "The scratch memory of a step") : 0
  }

  /// Bands of 8 rows, the last of which may have fewer.
  package var bands: Int { Self.bands(height: height) }

  private static func bands(height: Int) -> Int { (height + Layout.patch - 1) / Layout.patch }

  /// Segments that a panel has at the most: a last band that is not whole has another above it.
  private static func mostSegments(height: Int) -> Int {
    let bands = bands(height: height)
    return height % Layout.patch == 0 ? bands : max(bands / 2, 1)
  }

  /// Segments that a panel has at the most for each thread.
  private static let segmentsPerThread = 2

  /// Segments of each panel for so many threads: those that keep them evenly busy, as a segment computes a row at both its
  /// ends that its neighbours compute as well; and more where that costs next to nothing, for threads that are held up.
  package func segments(threads: Int) -> Int {
    let panels = panelEdges.count - 1
    let cost = { (segments: Int) in
      let rows = (bands + segments - 1) / segments * Layout.patch + (segments > 1 ? 2 : 0)
      return (panels * segments + threads - 1) / threads * rows
    }
    let candidates = 1...min(Self.mostSegments(height: height), Self.segmentsPerThread * threads)
    // A run calls this, and allocates nothing.
    let least = candidates.reduce(Int.max) { min($0, cost($1)) }
    return candidates.last { 50 * cost($0) <= 51 * least } ?? 1
  }

  /// Rows of a segment. All bands but the last are whole, and a last one that is not has another above it.
  package func rows(ofSegment segment: Int, of segments: Int) -> Range<Int> {
    let edge = { (index: Int) in min(index * bands / segments * Layout.patch, height) }
    return edge(segment)..<edge(segment + 1)
  }
}
