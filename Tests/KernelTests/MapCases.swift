import CKernels
import Foundation

extension KernelCase {
  static let map: [KernelCase] = gelu + softplus + exp2

  private static let specials: [Float] = [
    0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, -.leastNormalMagnitude, 1e-20,
    -1e-20, .nan, Float(bitPattern: 0x7fc0_0001), Float(bitPattern: 0xffff_ffff), 1, -1, 0.5, -0.5, .pi, -.pi, 20,
    20.000002, -20,
  ]
  private static let extremes: [Float] = [
    .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e30, -1e30, 1e10, -1e10, 1e4, -1e4,
    200, -200,
  ]

  /// Evenly spaced values over `range` and the special ones, in a multiple of the lanes.
  private static func sweep(_ range: ClosedRange<Float>, _ more: [Float], count: Int = 1 << 15) -> [Float] {
    let width = range.upperBound - range.lowerBound
    let values = (0..<count).map { range.lowerBound + width * (Float($0) / Float(count - 1)) } + specials + more
    return values + [Float](repeating: 0, count: values.count.pitch - values.count)
  }

  private static let gelu: [KernelCase] = [-9...9, -1...1, -5.5...(-3), -0.001...0.001, -100...100].flatMap { range in
    map("map_gelu", range, sweep(range, extremes)) { x in
      Expected(value: Reference.gelu(x), error: 3e-7 * min(max(1, abs(x)), 1e300))
    } run: {
      $0.map_gelu(&$1)
    }
  }

  static let coarseGELU: [KernelCase] = [-9...9, -1...1, -5.5...(-3), -0.001...0.001, -100...100].flatMap { range in
    map("map_gelu_reduced", range, sweep(range, extremes)) { x in
      Expected(value: Reference.gelu(x), error: Reference.reducedGELUError * min(max(1, abs(x)), 1e300))
    } run: {
      $0.map_gelu_reduced(&$1)
    }
  }

  private static let softplus: [KernelCase] = [-90...90, -2...2, -25...(-5), 15...25].flatMap { range in
    map("map_softplus", range, sweep(range, extremes)) { x in
      let value = Reference.softplus(x)
      return Expected(value: value, error: 3e-7 * value + 1e-37)
    } run: {
      $0.map_softplus(&$1)
    }
  }

  private static let exp2: [KernelCase] = [-126...126, -1...1, -140...(-120)].flatMap { range in
    map("map_exp2", range, sweep(range, extremes)) { x in
      let value = Foundation.exp2(x)
      return Expected(value: value, error: value * 2e-7 + (x < -126 ? 0x1p-126 : 0))
    } run: {
      $0.map_exp2(&$1)
    }
  }

  /// The map out of place and in place.
  private static func map(
    _ kernel: String, _ range: ClosedRange<Float>, _ values: [Float], expected: (Double) -> Expected,
    run: @escaping @Sendable (evssm_kernels, inout evssm_map_args) -> Void
  ) -> [KernelCase] {
    let wanted = values.map { expected(Double($0)) }
    return [false, true].map { inPlace in
      KernelCase(
        kernel: kernel, label: "\(range)" + (inPlace ? " in place" : ""), inputs: [values],
        outputs: [inPlace ? values : [Float](repeating: 1, count: values.count)], expected: [wanted],
        length: values.count / 16
      ) { kernels, inputs, outputs, piece in
        let start = 16 * piece.lowerBound
        var args = evssm_map_args(
          in: (inPlace ? UnsafePointer(outputs[0]) : inputs[0]) + start, out: outputs[0] + start,
          count: 16 * piece.count)
        run(kernels, &args)
      }
    }
  }
}
