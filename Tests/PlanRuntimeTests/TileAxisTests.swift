import PlanRuntime
import Testing

@Suite("Tiles along an axis")
struct TileAxisTests {
  static let sizes = [33, 191, 192, 193, 255, 256, 257, 448, 449, 639, 640, 1000, 1280, 4001, 8192]

  /// Every way to cut an axis, for overlaps of one and two units.
  private func axes(_ size: Int) -> [(axis: TileAxis, overlap: Int)] {
    [32, 64].flatMap { overlap in
      (1...80).compactMap { count in TileAxis(size: size, count: count, overlap: overlap).map { ($0, overlap) } }
    }
  }

  @Test("cover it from end to end, aligned, and overlap as much as was asked for", arguments: sizes)
  func cover(_ size: Int) {
    for (axis, overlap) in axes(size) {
      #expect(axis.starts.first == 0)
      #expect(axis.starts.last == size - axis.length)
      for (start, next) in zip(axis.starts, axis.starts.dropFirst()) {
        #expect(next > start && start + axis.length - next >= overlap, "\(axis)")
        #expect(start % TileAxis.alignment == 0)
      }
      #expect(axis.starts.count == 1 || axis.length % TileAxis.alignment == 0)
    }
  }

  @Test("have weights that add up to one, and count for nothing where they know least", arguments: sizes)
  func weights(_ size: Int) {
    for (axis, overlap) in axes(size) {
      var sums = [Double](repeating: 0, count: size)
      for tile in axis.starts.indices {
        let weights = axis.weights(of: tile)
        #expect(weights.count == axis.length && weights.allSatisfy { (0...1).contains($0) })
        for (offset, weight) in weights.enumerated() { sums[axis.starts[tile] + offset] += Double(weight) }
        if tile > 0 { #expect(weights.prefix(overlap / 4).allSatisfy { $0 == 0 }, "\(axis)") }
        if tile < axis.starts.count - 1 { #expect(weights.suffix(overlap / 4).allSatisfy { $0 == 0 }, "\(axis)") }
      }
      #expect(sums.allSatisfy { abs($0 - 1) < 1e-6 })
    }
  }

  @Test("are none where tiles would be no shorter than the axis, or no longer than two overlaps")
  func none() {
    #expect(TileAxis(size: 64, count: 2, overlap: 64) == nil)
    #expect(TileAxis(size: 1000, count: 40, overlap: 64) == nil)
    #expect(TileAxis(size: 640, count: 1, overlap: 64) == TileAxis(whole: 640))
  }
}
