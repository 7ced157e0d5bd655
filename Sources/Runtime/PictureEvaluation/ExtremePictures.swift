/// Which outcomes' pictures a report keeps while it grows: half of them with the smallest gains, half with the
/// largest, so that a long evaluation does not hold all pictures.
package struct ExtremePictures {
  package let capacity: Int
  private var kept: [(gain: Double, index: Int)] = []

  package init(capacity: Int) { self.capacity = capacity }

  /// Takes note of an outcome. Returns the indices whose pictures are no longer needed, at times that of the outcome.
  package mutating func insert(_ gain: Double?, at index: Int) -> [Int] {
    guard let gain, capacity > 0 else { return [index] }
    let place = kept.firstIndex { $0.gain > gain } ?? kept.count
    kept.insert((gain, index), at: place)
    guard kept.count > capacity else { return [] }
    return [kept.remove(at: (capacity + 1) / 2).index]
  }
}

extension PairOutcome {
  /// How much the PSNR rose, in dB; nil where nothing was measured.
  package var gain: Double? {
    guard let before, let after, before.psnr.isFinite || after.psnr.isFinite else { return nil }
    return after.psnr - before.psnr
  }
}
