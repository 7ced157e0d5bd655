import Glibc

/// Roots of unity.
enum Roots {
  /// e^(2πi · power / order).
  static func root(of order: Int, power: Int) -> (cosine: Double, sine: Double) {
    let angle = 2 * Double.pi * Double(power % order) / Double(order)
    return (cos(angle), sin(angle))
  }
}
