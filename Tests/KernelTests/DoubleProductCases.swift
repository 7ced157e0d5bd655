import CKernels

/// Rows of products of a map with the nine matrices of a 3×3 kernel, for one row of the doubled map.
private struct DoubleProblem: Sendable {
  var pixels: Int
  var channels: Int
  /// Whether the doubled row is the even one of its pair.
  var isEven: Bool
  /// Whether it is the first (even) or the last (odd) row of the map.
  var isOutermost = false
  var starts = true
  var ends = true

  var pitch: Int { channels.pitch }
  var inStride: Int { 9 * pitch + 3 }
  var outStride: Int { pitch + 2 }

  /// Rows above (0), here (1) and below (2) that each row of taps mixes.
  var rows: [(Int, Int)] { isEven ? [(0, 1), (0, 1), (1, 2)] : [(0, 1), (1, 2), (1, 2)] }

  var weights: [(Float, Float)] {
    let none: (Float, Float) = (0, 0)
    return isEven
      ? [isOutermost ? none : (0.75, 0.25), (0.25, 0.75), (0.75, 0.25)]
      : [(0.25, 0.75), (0.75, 0.25), isOutermost ? none : (0.25, 0.75)]
  }
}

extension KernelCase {
  static let doubleProducts: [KernelCase] = [(0, 16), (1, 48), (2, 5), (3, 16), (19, 50)].flatMap { pixels, channels in
    [(true, false), (true, true), (false, false), (false, true)].flatMap { isEven, isOutermost in
      [(true, true), (false, true), (true, false), (false, false)].map { starts, ends in
        doubleProducts(
          DoubleProblem(
            pixels: pixels, channels: channels, isEven: isEven, isOutermost: isOutermost, starts: starts, ends: ends))
      }
    }
  }

  private static func doubleProducts(_ problem: DoubleProblem) -> KernelCase {
    var randomness = Randomness(problem.pixels + problem.channels)
    let rows = (0..<3).map { _ in randomness.values((problem.pixels + 2) * problem.inStride) }
    let addend = randomness.pixels(2 * problem.pixels, channels: problem.channels, stride: problem.outStride)
    let output = [Float](repeating: 3, count: addend.count)
    return KernelCase(
      kernel: "double_products", label: "\(problem)", inputs: rows + [addend], outputs: [output],
      expected: [reference(problem, rows, addend)], length: problem.pixels
    ) { run(problem, $0, $1, $2[0], $3) }
  }

  /// A pixel of the doubled row from the definition: for every column of taps, the doubled column that it reads, which
  /// mixes two columns of the map; outside the map it reads zero.
  private static func reference(_ problem: DoubleProblem, _ rows: [[Float]], _ addend: [Float]) -> [Expected?] {
    var expected = [Expected?](repeating: nil, count: addend.count)
    let inside = (problem.starts ? 0 : -1)...max(problem.pixels - (problem.ends ? 1 : 0), 0)
    for x in 0..<2 * problem.pixels {
      for c in 0..<problem.pitch {
        var sum = Double(addend[x * problem.outStride + c])
        var magnitude = abs(sum)
        for dx in -1...1 {
          let column = x + dx
          if problem.starts && column < 0 || problem.ends && column >= 2 * problem.pixels { continue }
          let near = column.floorDivided(by: 2)
          let far = column - 2 * near == 0 ? near - 1 : near + 1
          for (dy, (pair, weight)) in zip(problem.rows, problem.weights).enumerated() {
            for (row, rowWeight) in [(pair.0, weight.0), (pair.1, weight.1)] {
              for (pixel, weight) in [(near, 0.75), (far, 0.25)] {
                let held = min(max(pixel, inside.lowerBound), inside.upperBound)
                let at = (held + 1) * problem.inStride + (3 * dy + dx + 1) * problem.pitch + c
                let term = weight * Double(rowWeight) * Double(rows[row][at])
                sum += term
                magnitude += abs(term)
              }
            }
          }
        }
        expected[x * problem.outStride + c] = .sum(sum, magnitude: magnitude, terms: 12)
      }
    }
    return expected
  }

  private static func run(
    _ problem: DoubleProblem, _ kernels: evssm_kernels, _ inputs: [UnsafePointer<Float>],
    _ out: UnsafeMutablePointer<Float>, _ range: Range<Int>
  ) {
    let pixel = { (row: Int) in Optional(inputs[row] + (range.lowerBound + 1) * problem.inStride) }
    let rows = problem.rows.map { (pixel($0.0), pixel($0.1)) }
    let weights = problem.weights
    let start = 2 * range.lowerBound * problem.outStride
    var args = evssm_double_products_args(
      row: (rows[0], rows[1], rows[2]), weight: (weights[0], weights[1], weights[2]), in_stride: problem.inStride,
      starts: problem.starts && range.lowerBound == 0 ? 1 : 0,
      ends: problem.ends && range.upperBound == problem.pixels ? 1 : 0,
      addend: inputs[3] + start, out: out + start, out_stride: problem.outStride, pixels: range.count,
      pitch: problem.pitch)
    kernels.double_products(&args)
  }
}

extension Int {
  fileprivate func floorDivided(by divisor: Int) -> Int {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
