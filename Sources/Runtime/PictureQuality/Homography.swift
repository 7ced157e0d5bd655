/// A projective map of the plane: (x, y, 1) to three homogeneous coordinates.
struct Homography {
  /// By rows; the last element stays 1.
  var elements: [Double] = [1, 0, 0, 0, 1, 0, 0, 0, 1]

  func callAsFunction(x: Double, y: Double) -> (x: Double, y: Double) {
    let h = elements
    let denominator = h[6] * x + h[7] * y + 1
    return ((h[0] * x + h[1] * y + h[2]) / denominator, (h[3] * x + h[4] * y + h[5]) / denominator)
  }

  /// Where the pixels of a grid come from, row by row.
  func positions(width: Int, height: Int) -> [(x: Double, y: Double)] {
    (0..<height).flatMap { y in (0..<width).map { self(x: Double($0), y: Double(y)) } }
  }
}
