/// A small generator with a fixed seed (SplitMix64): the same values on every machine.
struct Randomness: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func values(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }

  /// `pixels` runs of `stride` floats: `channels` values, zeros up to the pitch, `filler` beyond it.
  mutating func pixels(
    _ pixels: Int, channels: Int, stride: Int, in range: ClosedRange<Float> = -1...1, filler: Float = 7777
  ) -> [Float] {
    (0..<pixels).flatMap { _ in
      values(channels, in: range) + Array(repeating: 0, count: channels.pitch - channels)
        + Array(repeating: filler, count: stride - channels.pitch)
    }
  }

  /// `0..<length` in random consecutive pieces, empty ones among them.
  mutating func pieces(of length: Int) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = 0
    while start < length {
      let end = Int.random(in: start...min(length, start + 11), using: &self)
      pieces.append(start..<end)
      start = end
    }
    return pieces
  }
}
