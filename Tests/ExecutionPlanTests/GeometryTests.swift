import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct GeometryTests {
  /// The specification's loop, word for word.
  private func starts(_ size: Int, _ side: Int) -> [Int] {
    let window = min(size, side)
    let count = (size - 1) / window + 1
    if count == 1 { return [0] }
    let step = Int((Double(size - window) / Double(count - 1) - 1e-8).rounded(.up))
    var out: [Int] = []
    var at = 0
    while at + window < size {
      out.append(at)
      at += step
    }
    return out + [size - window]
  }

  @Test func windowsStartWhereTheSpecificationPutsThem() {
    for side in [5, 9, 12, 96, 192, 384] {
      for size in 5...1500 { #expect(WindowAxis(size: size, side: side).starts == starts(size, side)) }
    }
    #expect(WindowAxis(size: 1280, side: 384).starts == [0, 299, 598, 896])
    #expect(WindowAxis(size: 1280, side: nil).starts == [0])
  }

  @Test func everyPixelIsCoveredAndFirstCoverageIsConsistent() {
    for size in [5, 20, 97, 383, 385, 1000] {
      let axis = WindowAxis(size: size, side: 24)
      for pixel in 0..<size {
        let covering = axis.starts.indices.filter { axis.starts[$0] <= pixel && pixel < axis.starts[$0] + axis.length }
        #expect((1...2).contains(covering.count))
        for index in covering {
          #expect((pixel < axis.coveredBefore(index)) == (index != covering.first))
          #expect((pixel >= axis.coveredFrom(index)) == (index != covering.last))
        }
      }
    }
  }

  @Test(arguments: [false, true], [false, true])
  func aFrameViewVisitsEachPixelInTheFramesOrder(transposed: Bool, halfTurned: Bool) {
    let (height, width, pitch) = (5, 7, 16)
    let view = FrameView(
      frame: Frame(transposed: transposed, halfTurned: halfTurned), height: height, width: width, pitch: pitch)
    for row in 0..<view.height {
      for column in 0..<view.width {
        let (a, b) = halfTurned ? (view.height - 1 - row, view.width - 1 - column) : (row, column)
        let (y, x) = transposed ? (b, a) : (a, b)
        #expect(view.offset(row, column) == (y * width + x) * pitch)
      }
    }
  }

  private var feedForward: FeedForwardStage {
    let none = ConstantID(rawValue: 0)
    return FeedForwardStage(
      input: BufferID(rawValue: 0), output: BufferID(rawValue: 1), channels: 8, hidden: 24, frame: .upright,
      rmsEpsilon: 1e-6, stripRows: 2, panelColumns: 64,
      weights: .init(projectIn: none, projectInBias: none, convolution: none, projectOut: none, filter: none))
  }

  @Test(arguments: [1, 2, 3, 8, 256])
  func segmentsCoverTheRowsAndAPartOfABandHasAWholeOneAbove(threads: Int) throws {
    for height in 8...300 {
      let layout = try FeedForwardLayout(feedForward, height: height, width: 70)
      let count = layout.segments(threads: threads)
      let segments = (0..<count).map { layout.rows(ofSegment: $0, of: count) }
      #expect(segments.first?.lowerBound == 0 && segments.last?.upperBound == height)
      for (rows, next) in zip(segments, segments.dropFirst()) { #expect(rows.upperBound == next.lowerBound) }
      for rows in segments {
        #expect(!rows.isEmpty && rows.lowerBound % 8 == 0)
        if rows.upperBound % 8 != 0, count > 1 { #expect(rows.count > 8) }
      }
    }
  }

  @Test func inPlaceTheThreadsTogetherHoldTwoRowsAnEdge() throws {
    var stage = feedForward
    stage.output = stage.input
    for height in 8...200 {
      let layout = try FeedForwardLayout(stage, height: height, width: 200)
      #expect(layout.isInPlace && layout.seamCount == 2 && layout.seams == height * 2 * 2 * 16)
      for threads in [1, 2, 3, 5, 8, 64, 256] {
        #expect(2 * (layout.segments(threads: threads) - 1) <= threads * layout.edgeRowsPerThread)
      }
      let rowFloats = (layout.total - layout.edgeRows) / max(layout.edgeRowsPerThread, 1)
      #expect(layout.edgeRowsPerThread == 0 || rowFloats == 200 * 16)
    }
    let apart = try FeedForwardLayout(feedForward, height: 100, width: 200)
    #expect(!apart.isInPlace && apart.seams == 0 && apart.edgeRowsPerThread == 0)
  }

  @Test func threadsHaveAboutTheSameToDo() throws {
    func share(_ width: Int, _ height: Int, threads: Int) throws -> Double {
      let layout = try FeedForwardLayout(feedForward, height: height, width: width)
      let tiles = layout.segments(threads: threads) * (layout.panelEdges.count - 1)
      return Double(tiles) / Double(threads) / Double((tiles + threads - 1) / threads)
    }
    #expect(try share(256, 256, threads: 2) == 1)
    #expect(try share(64, 64, threads: 2) == 1)
    #expect(try share(320, 184, threads: 2) == 1)
    #expect(try share(64, 64, threads: 8) == 1)
  }

  @Test func panelsCoverTheWidthAndTheLastHoldsTwoPatches() throws {
    for width in 5...600 {
      let layout = try FeedForwardLayout(feedForward, height: 16, width: width)
      #expect(layout.panelEdges.first == 0)
      #expect(layout.panelEdges.last == width)
      for (start, end) in zip(layout.panelEdges, layout.panelEdges.dropFirst()) {
        #expect(end > start)
        #expect(start % 8 == 0)
        #expect(end - start <= layout.panelWidth)
      }
      if layout.panelEdges.count > 2 { #expect(width - layout.panelEdges[layout.panelEdges.count - 2] >= 16) }
    }
  }
}
