/// Noise for comparisons and measurements: the same in every run and on every machine.
package struct SeededNoise {
  private var state: UInt64 = 1

  package init() {}

  /// The linear congruential generator with Knuth's constants.
  package mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }

  /// Values in 0..<1.
  package static func values(count: Int) -> [Float] {
    var noise = SeededNoise()
    return (0..<count).map { _ in Float(noise.next() >> 40) * 0x1p-24 }
  }
}
