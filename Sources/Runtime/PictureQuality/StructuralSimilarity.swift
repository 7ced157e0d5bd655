import Imaging
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The structural similarity index (SSIM) of Wang, Bovik, Sheikh and Simoncelli (IEEE Transactions on Image Processing
/// 13, 2004): Gaussian weights of standard deviation 1.5 over 11×11 pixels, K₁ 0.01, K₂ 0.03, population covariances.
///
/// The mean runs over the pixels whose 11×11 neighbourhood lies inside the picture and over the three channels: what
/// scikit-image's `structural_similarity` gives with `gaussian_weights`, `sigma` 1.5 and no `use_sample_covariance`.
package enum StructuralSimilarity {
  /// Width of the window of weights, in pixels; pictures need at least as many a side.
  package static let windowSide = 11
  private static let radius = windowSide / 2

  /// Of the RGB samples in 8 bits; 1 for equal pictures.
  ///
  /// - Throws: `picture.size-mismatch` when the sizes differ, `picture.too-small` below 11×11 pixels.
  /// - Complexity: O(pixels), 48 bytes of memory a pixel.
  package static func mean(_ a: Picture, _ b: Picture) throws -> Double {
    try mean(PixelPlanes(a), PixelPlanes(b), peak: 255)
  }

  /// Of planes whose values go up to `peak`.
  /// - Parameter mask: weights of the pixels, `width · height`; all 1 unless given.
  static func mean(_ a: PixelPlanes, _ b: PixelPlanes, peak: Double, mask: [Double]? = nil) throws -> Double {
    guard a.width == b.width, a.height == b.height else {
      throw EVSSMError(
        "picture.size-mismatch",
        "A picture of \(a.width) by \(a.height) cannot be compared with one of \(b.width) by \(b.height).")
    }
    guard min(a.width, a.height) >= windowSide else {
      throw EVSSMError(
        "picture.too-small",
        "The structural similarity needs pictures of at least \(windowSide) by \(windowSide) pixels; this one has "
          + "\(a.width) by \(a.height).")
    }
    let means = zip(a.channels, b.channels).map { Self.mean($0, $1, width: a.width, peak: peak, mask: mask) }
    return means.reduce(0, +) / Double(means.count)
  }

  private static let weights: [Double] = {
    let values = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (1.5 * 1.5)) }
    let sum = values.reduce(0, +)
    return values.map { $0 / sum }
  }()

  /// The mean of one channel, row by row: the last eleven rows of the moments, filtered along the row, are kept.
  private static func mean(_ a: [Double], _ b: [Double], width: Int, peak: Double, mask: [Double]?) -> Double {
    let height = a.count / width
    var ring = [Moments](repeating: Moments(count: width - 2 * radius), count: windowSide)
    var products = Moments(count: width)
    var (sum, weight) = (0.0, 0.0)
    for row in 0..<height {
      products.multiply(a[row * width..<(row + 1) * width], b[row * width..<(row + 1) * width])
      ring[row % windowSide].filter(products, weights)
      guard row >= windowSide - 1 else { continue }
      let rows = (0..<windowSide).map { ring[(row + 1 + $0) % windowSide] }
      let values = similarities(rows, peak: peak)
      guard let mask else {
        sum += values.reduce(0, +)
        weight += Double(values.count)
        continue
      }
      let first = (row - radius) * width + radius
      for (value, share) in zip(values, mask[first..<first + values.count]) {
        sum += value * share
        weight += share
      }
    }
    return weight > 0 ? sum / weight : .nan
  }

  /// The index of each pixel of a row, from the moments of the eleven rows around it.
  private static func similarities(_ rows: [Moments], peak: Double) -> [Double] {
    var filtered = Moments(count: rows[0].a.count)
    for (row, weight) in zip(rows, weights) { filtered.add(row, weight) }
    let (c1, c2) = ((0.01 * peak) * (0.01 * peak), (0.03 * peak) * (0.03 * peak))
    return filtered.a.indices.map { index in
      let (meanA, meanB) = (filtered.a[index], filtered.b[index])
      let (squares, product) = (meanA * meanA + meanB * meanB, meanA * meanB)
      let variances = filtered.squares[index] - squares
      let covariance = filtered.products[index] - product
      return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    }
  }
}

/// A row of first and second moments of two channels.
private struct Moments {
  var a: [Double]
  var b: [Double]
  /// a² + b²
  var squares: [Double]
  /// a · b
  var products: [Double]

  init(count: Int) {
    a = [Double](repeating: 0, count: count)
    (b, squares, products) = (a, a, a)
  }

  mutating func multiply(_ left: ArraySlice<Double>, _ right: ArraySlice<Double>) {
    for (index, (x, y)) in zip(left, right).enumerated() {
      (a[index], b[index], squares[index], products[index]) = (x, y, x * x + y * y, x * y)
    }
  }

  /// Replaces every row by that of `wide`, filtered; it is shorter by all weights but one.
  mutating func filter(_ wide: Moments, _ weights: [Double]) {
    Self.filter(wide.a, weights, &a)
    Self.filter(wide.b, weights, &b)
    Self.filter(wide.squares, weights, &squares)
    Self.filter(wide.products, weights, &products)
  }

  mutating func add(_ other: Moments, _ weight: Double) {
    Self.add(other.a, weight, 0, &a)
    Self.add(other.b, weight, 0, &b)
    Self.add(other.squares, weight, 0, &squares)
    Self.add(other.products, weight, 0, &products)
  }

  private static func filter(_ wide: [Double], _ weights: [Double], _ out: inout [Double]) {
    for index in out.indices { out[index] = 0 }
    for (offset, weight) in weights.enumerated() { add(wide, weight, offset, &out) }
  }

  private static func add(_ row: [Double], _ weight: Double, _ offset: Int, _ out: inout [Double]) {
    row.withUnsafeBufferPointer { row in
      out.withUnsafeMutableBufferPointer { out in
        for index in 0..<out.count { out[index] += weight * row[index + offset] }
      }
    }
  }
}
