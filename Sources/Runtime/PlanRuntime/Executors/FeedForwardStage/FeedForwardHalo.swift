import ExecutionPlan

/// What a feed-forward stage in place saves of its input before any of it is written over: the pixels that a panel or a
/// segment reads of its neighbours, which may be done before it begins.
///
/// Columns at the seams between panels lie in the step's scratch memory; rows at the edges between segments, whose number
/// depends on that of the threads, in the threads' own.
struct FeedForwardHalo {
  let layout: FeedForwardLayout
  let view: FrameView
  let input: Floats
  let seams: Floats
  /// Where a worker's rows lie in its memory.
  let edgeRows: Int
  /// How far the workers' memory lies apart.
  let threadFloats: Int

  /// The side of a seam or an edge that a pixel lies on, in the order of the frame.
  enum Side: Int { case before, behind }

  /// Worker 0's memory, from that of a worker.
  func memory(_ own: Floats, of worker: Int) -> Floats { own - worker * threadFloats }

  /// Whether a part of the map reads another.
  func isNeeded(segments: Int) -> Bool { layout.isInPlace && (layout.seamCount > 0 || segments > 1) }

  /// The pixel beside a seam: the last column of the panel before it, or the first of the panel behind.
  func seamPixel(_ seam: Int, _ side: Side, _ row: Int) -> Floats {
    seams + ((row * layout.seamCount + seam) * 2 + side.rawValue) * layout.channelPitch
  }

  /// A row beside the edge between segment `edge` and the next: the last of the one before it, or the first of the one behind.
  func edgeRow(_ edge: Int, _ side: Side, _ memory: Floats) -> Floats {
    let (worker, slot) = (2 * edge + side.rawValue).quotientAndRemainder(dividingBy: layout.edgeRowsPerThread)
    return memory + worker * threadFloats + edgeRows + slot * layout.width * layout.channelPitch
  }

  /// Saves what the rows of a band have beside seams and edges.
  func save(band: Int, segments: Int, _ memory: Floats) {
    let rows = band * Layout.patch..<min((band + 1) * Layout.patch, layout.height)
    for row in rows {
      for seam in 0..<layout.seamCount { saveSeam(seam, row) }
    }
    for edge in 0..<segments - 1 {
      let row = layout.rows(ofSegment: edge, of: segments).upperBound
      if row == rows.upperBound { copy(row - 1, 0..<layout.width, to: edgeRow(edge, .before, memory)) }
      if row == rows.lowerBound { copy(row, 0..<layout.width, to: edgeRow(edge, .behind, memory)) }
    }
  }

  private func saveSeam(_ seam: Int, _ row: Int) {
    let column = layout.panelEdges[seam + 1]
    copy(row, column - 1..<column + 1, to: seamPixel(seam, .before, row))
  }

  private func copy(_ row: Int, _ columns: Range<Int>, to target: Floats) {
    let pitch = layout.channelPitch
    guard view.columnStride != pitch else {
      return target.update(from: input + view.offset(row, columns.lowerBound), count: columns.count * pitch)
    }
    for (index, column) in columns.enumerated() {
      (target + index * pitch).update(from: input + view.offset(row, column), count: pitch)
    }
  }
}
