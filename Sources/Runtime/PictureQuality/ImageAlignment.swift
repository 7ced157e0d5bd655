import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The homography that maximises the enhanced correlation coefficient of two grey pictures (Evangelidis and Psarakis,
/// IEEE Transactions on Pattern Analysis and Machine Intelligence 30, 2008), found by its forward additive iteration.
struct ImageAlignment {
  private static let iterations = 100
  /// The iteration ends when no corner of the picture moves by more pixels than this.
  private static let tolerance = 1e-4

  private let template: Plane
  private let input: Plane
  private let gradientX: Plane
  private let gradientY: Plane

  /// Both pictures are smoothed by a Gaussian of 5×5 pixels, standard deviation 1.1.
  init(template: Plane, input: Plane) {
    let weights = [-2.0, -1, 0, 1, 2].map { exp(-0.5 * $0 * $0 / (1.1 * 1.1)) }
    let smoothing = weights.map { $0 / weights.reduce(0, +) }
    self.template = template.filtered(smoothing)
    self.input = input.filtered(smoothing)
    gradientX = self.input.filtered(rows: [-0.5, 0, 0.5])
    gradientY = self.input.transposed().filtered(rows: [-0.5, 0, 0.5]).transposed()
  }

  /// Maps pixels of the template to positions in the input.
  ///
  /// - Throws: `picture.no-alignment` when the iteration leaves the region where it converges, as it does for pictures
  ///   without structure or of different scenes.
  func homography() throws -> Homography {
    var homography = Homography()
    for _ in 0..<Self.iterations {
      guard let step = Step(self, homography).update() else { throw Self.failure }
      // Column by column, as the Jacobian lists them.
      for (index, element) in [0, 3, 6, 1, 4, 7, 2, 5].enumerated() { homography.elements[element] += step[index] }
      guard homography.elements.allSatisfy(\.isFinite) else { throw Self.failure }
      if movement(step) < Self.tolerance { break }
    }
    return homography
  }

  /// At most by how many pixels the step moves a corner, in first order.
  private func movement(_ step: [Double]) -> Double {
    let (w, h) = (Double(template.width), Double(template.height))
    let size = max(w, h)
    return max(
      abs(step[0]) * w + abs(step[3]) * h + abs(step[6]), abs(step[1]) * w + abs(step[4]) * h + abs(step[7]),
      (abs(step[2]) * w + abs(step[5]) * h) * size)
  }

  private static var failure: EVSSMError {
    EVSSMError(
      "picture.no-alignment",
      "The result and its target could not be aligned: do they show the same scene? Measure them unaligned.")
  }

  /// One iteration: sums over the pixels that the input covers, in the notation of the paper.
  private struct Step {
    /// Number of elements that are estimated: all of the homography but the last.
    private static let count = 8

    /// The upper triangle, by rows of 8.
    private var hessian = [Double](repeating: 0, count: count * count)
    private var imageProjection = [Double](repeating: 0, count: count)
    private var templateProjection = [Double](repeating: 0, count: count)
    private var jacobianSum = [Double](repeating: 0, count: count)
    private var sums = (image: 0.0, template: 0.0, imageSquares: 0.0, products: 0.0, count: 0.0)

    init(_ alignment: ImageAlignment, _ homography: Homography) {
      var jacobian = [Double](repeating: 0, count: Self.count)
      for row in 0..<alignment.template.height {
        for column in 0..<alignment.template.width {
          add(alignment, homography, column, row, &jacobian)
        }
      }
    }

    private mutating func add(
      _ alignment: ImageAlignment, _ homography: Homography, _ column: Int, _ row: Int, _ jacobian: inout [Double]
    ) {
      let (x, y) = (Double(column), Double(row))
      let at = homography(x: x, y: y)
      let input = alignment.input
      let (right, bottom) = (Double(input.width) - 0.5, Double(input.height) - 0.5)
      guard at.x > -0.5, at.y > -0.5, at.x < right, at.y < bottom else { return }
      let denominator = homography.elements[6] * x + homography.elements[7] * y + 1
      let gx = alignment.gradientX.linear(x: at.x, y: at.y) / denominator
      let gy = alignment.gradientY.linear(x: at.x, y: at.y) / denominator
      let projective = -(at.x * gx + at.y * gy)
      jacobian.withUnsafeMutableBufferPointer {
        ($0[0], $0[1], $0[2]) = (gx * x, gy * x, projective * x)
        ($0[3], $0[4], $0[5]) = (gx * y, gy * y, projective * y)
        ($0[6], $0[7]) = (gx, gy)
      }
      let template = alignment.template.values[row * alignment.template.width + column]
      accumulate(jacobian, input.linear(x: at.x, y: at.y), template)
    }

    private mutating func accumulate(_ jacobian: [Double], _ image: Double, _ template: Double) {
      for i in 0..<Self.count {
        for j in i..<Self.count { hessian[Self.count * i + j] += jacobian[i] * jacobian[j] }
        imageProjection[i] += jacobian[i] * image
        templateProjection[i] += jacobian[i] * template
        jacobianSum[i] += jacobian[i]
      }
      sums.image += image
      sums.template += template
      sums.imageSquares += image * image
      sums.products += image * template
      sums.count += 1
    }

    /// The change of the elements, in the Jacobian's order; nil when there is none.
    func update() -> [Double]? {
      guard sums.count > Double(Self.count) else { return nil }
      let (imageMean, templateMean) = (sums.image / sums.count, sums.template / sums.count)
      let imageNorm = sums.imageSquares - sums.count * imageMean * imageMean
      let correlation = sums.products - sums.count * imageMean * templateMean
      let projectedImage = zip(imageProjection, jacobianSum).map { $0 - imageMean * $1 }
      let projectedTemplate = zip(templateProjection, jacobianSum).map { $0 - templateMean * $1 }
      guard let solvedImage = LinearSystem.solve(hessian, projectedImage) else { return nil }
      let numerator = imageNorm - zip(projectedImage, solvedImage).reduce(0) { $0 + $1.0 * $1.1 }
      let denominator = correlation - zip(projectedTemplate, solvedImage).reduce(0) { $0 + $1.0 * $1.1 }
      guard denominator > 0 else { return nil }
      let lambda = numerator / denominator
      return LinearSystem.solve(hessian, zip(projectedTemplate, projectedImage).map { lambda * $0 - $1 })
    }
  }
}

/// Symmetric positive definite systems, by Cholesky's decomposition.
enum LinearSystem {
  /// - Parameter matrix: by rows; its upper triangle is read.
  /// - Returns: nil when the matrix is not positive definite.
  static func solve(_ matrix: [Double], _ right: [Double]) -> [Double]? {
    let n = right.count
    // Scaled to a unit diagonal: the elements of a homography differ by many orders of magnitude.
    let scale = (0..<n).map { matrix[n * $0 + $0] > 0 ? 1 / matrix[n * $0 + $0].squareRoot() : 0 }
    var lower = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for i in 0..<n {
      for j in 0...i {
        var sum = matrix[n * j + i] * scale[i] * scale[j]
        for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
        if i == j {
          guard sum > 1e-12 else { return nil }
          lower[i][i] = sum.squareRoot()
        } else {
          lower[i][j] = sum / lower[j][j]
        }
      }
    }
    var x = (0..<n).map { right[$0] * scale[$0] }
    for i in 0..<n {
      for k in 0..<i { x[i] -= lower[i][k] * x[k] }
      x[i] /= lower[i][i]
    }
    for i in (0..<n).reversed() {
      for k in i + 1..<n { x[i] -= lower[k][i] * x[k] }
      x[i] /= lower[i][i]
    }
    return (0..<n).map { x[$0] * scale[$0] }
  }
}
