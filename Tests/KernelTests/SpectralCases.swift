import CKernels
import Foundation

private struct SpectralProblem: Sendable {
  let channels: Int
  let rows: Range<Int>
  let columns: Range<Int>
  /// Transposed and mirrored addresses of the input and the output.
  let turned: Bool
  var pitch: Int { channels.pitch }
  var pixel: Int { pitch + 2 }
  var rowStride: Int { turned ? -pixel : 8 * pixel + 3 }
  var pixelStride: Int { turned ? 8 * pixel + 3 : pixel }
  /// Address of element (0, 0).
  var base: Int { turned ? 7 * pixel : 0 }
  var size: Int { 8 * (8 * pixel + 3) }

  func at(_ i: Int, _ j: Int) -> Int { base + i * rowStride + j * pixelStride }
}

extension KernelCase {
  static let spectral: [KernelCase] = [
    SpectralProblem(channels: 48, rows: 0..<8, columns: 0..<8, turned: false),
    SpectralProblem(channels: 16, rows: 0..<8, columns: 0..<8, turned: true),
    SpectralProblem(channels: 5, rows: 0..<3, columns: 2..<8, turned: false),
    SpectralProblem(channels: 50, rows: 4..<8, columns: 0..<1, turned: true),
    SpectralProblem(channels: 16, rows: 3..<3, columns: 0..<8, turned: false),
    SpectralProblem(channels: 16, rows: 0..<8, columns: 5..<5, turned: false),
  ].flatMap { problem in [false, true].map { spectral(problem, inPlace: $0) } }

  private static func spectral(_ problem: SpectralProblem, inPlace: Bool) -> KernelCase {
    var randomness = Randomness(problem.channels + problem.rows.count)
    let input = randomness.values(problem.size, in: -2...2)
    let addend = randomness.values(problem.size)
    let full = evenFilter(problem, &randomness)
    let half = (0..<8).flatMap { u in (0..<5).flatMap { v in full[u * 8 + v].map { $0 / 64 } } }
    let output = inPlace ? addend : [Float](repeating: 4, count: problem.size)
    var expected = [Expected?](repeating: nil, count: problem.size)
    for c in 0..<problem.pitch {
      let patch = (0..<64).map { Double(input[problem.at($0 / 8, $0 % 8) + c]) }
      let filtered = filtered(patch, full.map { Double($0[c]) })
      let magnitude = patch.reduce(0) { $0 + abs($1) } * 2
      for i in problem.rows {
        for j in problem.columns {
          let value = filtered[8 * i + j] + Double(addend[problem.at(i, j) + c])
          expected[problem.at(i, j) + c] = Expected(
            value: value, error: c < problem.channels ? magnitude * 4 * Rounding.unit : 0)
        }
      }
    }
    return KernelCase(
      kernel: "spectral",
      label: "\(problem.channels) channels, \(problem.rows) x \(problem.columns)"
        + (problem.turned ? ", turned" : "") + (inPlace ? ", in place" : ""),
      inputs: [input, half, addend], outputs: [output], expected: [expected], length: problem.rows.count
    ) { kernels, inputs, outputs, range in
      let addend = inPlace ? UnsafePointer(outputs[0]) : inputs[2]
      var args = evssm_spectral_args(
        in: inputs[0] + problem.base, in_row: problem.rowStride, in_pixel: problem.pixelStride, filter: inputs[1],
        addend: addend + problem.base, out: outputs[0] + problem.base, out_row: problem.rowStride,
        out_pixel: problem.pixelStride, first_row: problem.rows.lowerBound + range.lowerBound,
        end_row: problem.rows.lowerBound + range.upperBound, first_column: problem.columns.lowerBound,
        end_column: problem.columns.upperBound, pitch: problem.pitch)
      kernels.spectral(&args)
    }
  }

  /// [u * 8 + v][c]: real, and equal at (u, v) and (-u, -v); zero in padded lanes.
  private static func evenFilter(_ problem: SpectralProblem, _ randomness: inout Randomness) -> [[Float]] {
    var filter = [[Float]](repeating: [], count: 64)
    for u in 0..<8 {
      for v in 0..<8 {
        let mirror = (8 - u) % 8 * 8 + (8 - v) % 8
        filter[u * 8 + v] =
          mirror < u * 8 + v
          ? filter[mirror] : randomness.pixels(1, channels: problem.channels, stride: problem.pitch)
      }
    }
    return filter
  }

  /// The filter as a circular convolution with the inverse transform of `filter`, by definition.
  private static func filtered(_ patch: [Double], _ filter: [Double]) -> [Double] {
    let kernel = inverseTransform(filter)
    return (0..<64).map { (at: Int) -> Double in
      var sum = 0.0
      for from in 0..<64 {
        let row = (at / 8 - from / 8 + 8) % 8
        let column = (at % 8 - from % 8 + 8) % 8
        sum += patch[from] * kernel[8 * row + column]
      }
      return sum
    }
  }

  /// Of a real, even function of frequency: a sum of cosines.
  private static func inverseTransform(_ filter: [Double]) -> [Double] {
    let cosines = (0..<8).map { cos(2 * .pi * Double($0) / 8) }
    return (0..<64).map { (at: Int) -> Double in
      var sum = 0.0
      for frequency in 0..<64 {
        let phase = (frequency / 8) * (at / 8) + (frequency % 8) * (at % 8)
        sum += filter[frequency] * cosines[phase % 8]
      }
      return sum / 64
    }
  }
}
