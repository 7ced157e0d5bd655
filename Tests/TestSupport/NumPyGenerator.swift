import Foundation

/// The stream of `numpy.random.Generator(PCG64(seed))`, so that weights and goldens made with NumPy can be made again.
///
/// PCG XSL-RR 128/64 (O'Neill 2014) seeded by NumPy's `SeedSequence`; normal numbers by the ziggurat of Marsaglia and
/// Tsang (2000) with 256 layers. Agrees with NumPy to the last bit of float32.
package struct NumPyGenerator {
  private static let multiplier: UInt128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645
  private var state: UInt128
  private let increment: UInt128

  package init(seed: UInt32) {
    let words = Self.seedWords(seed)
    func pair(_ i: Int) -> UInt128 { UInt128(words[i]) << 64 | UInt128(words[i + 1]) }
    increment = pair(2) << 1 | 1
    state = 0
    advance()
    state &+= pair(0)
    advance()
  }

  package mutating func next() -> UInt64 {
    advance()
    let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let turn = UInt64(truncatingIfNeeded: state >> 122)
    return folded >> turn | folded << ((64 &- turn) & 63)
  }

  /// Uniform in [0, 1).
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Standard normal.
  package mutating func normal() -> Double {
    let layers = Ziggurat.shared
    while true {
      let bits = next()
      let layer = Int(bits & 0xFF)
      let magnitude = bits >> 9 & 0xF_FFFF_FFFF_FFFF
      let x = Double(magnitude) * layers.scale[layer] * (bits >> 8 & 1 == 1 ? -1 : 1)
      if magnitude < layers.inside[layer] { return x }
      if layer == 0 { return tail(negative: magnitude >> 8 & 1 == 1) }
      let height = layers.density[layer]
      if (layers.density[layer - 1] - height) * uniform() + height < exp(-0.5 * x * x) { return x }
    }
  }

  private mutating func tail(negative: Bool) -> Double {
    while true {
      let x = -log1p(-uniform()) / Ziggurat.end
      let y = -log1p(-uniform())
      if y + y > x * x { return negative ? -(Ziggurat.end + x) : Ziggurat.end + x }
    }
  }

  private mutating func advance() { state = state &* Self.multiplier &+ increment }

  /// `SeedSequence(seed).generate_state(4, uint64)`.
  private static func seedWords(_ seed: UInt32) -> [UInt64] {
    var factor: UInt32 = 0x43B0_D7E5
    func hash(_ value: UInt32) -> UInt32 {
      var value = value ^ factor
      factor = factor &* 0x931E_8875
      value = value &* factor
      return value ^ value >> 16
    }
    var pool = [seed, 0, 0, 0].map(hash)
    for source in 0..<4 {
      for target in 0..<4 where target != source {
        let mixed = 0xCA01_F9DD &* pool[target] &- 0x4973_F715 &* hash(pool[source])
        pool[target] = mixed ^ mixed >> 16
      }
    }
    var out: UInt32 = 0x8B51_F9DD
    let words = (0..<8).map { i in
      var value = pool[i % 4] ^ out
      out = out &* 0x58F3_8DED
      value = value &* out
      return UInt64(value ^ value >> 16)
    }
    return (0..<4).map { words[2 * $0] | words[2 * $0 + 1] << 32 }
  }
}

/// 256 layers of equal area under exp(−x²/2), the lowest with the tail from ``end`` on.
private struct Ziggurat: Sendable {
  static let shared = Ziggurat()
  /// Where the tail begins.
  static let end = 3.6541528853610088

  /// A layer's width over 2⁵².
  var scale: [Double]
  /// Multiples of `scale` below which a point is inside whatever its height.
  var inside: [UInt64]
  /// The density at the layer's edge.
  var density: [Double]

  init() {
    let tail = (Double.pi / 2).squareRoot() * erfc(Self.end / 2.0.squareRoot())
    let area = Self.end * exp(-0.5 * Self.end * Self.end) + tail
    var edges = [Double](repeating: 0, count: 256)
    edges[255] = Self.end
    for i in stride(from: 254, to: 0, by: -1) {
      edges[i] = (-2 * log(area / edges[i + 1] + exp(-0.5 * edges[i + 1] * edges[i + 1]))).squareRoot()
    }
    let base = area / exp(-0.5 * Self.end * Self.end)
    let widths = [base] + edges.dropFirst()
    let inner = [Self.end, 0] + edges[1..<255]
    scale = widths.map { $0 * 0x1p-52 }
    inside = zip(inner, widths).map { UInt64($0 / $1 * 0x1p52) }
    density = [1] + edges.dropFirst().map { exp(-0.5 * $0 * $0) }
  }
}
