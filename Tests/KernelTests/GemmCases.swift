import CKernels
import Foundation

/// A matrix product as the runtime poses it; see `evssm_gemm_args`.
private struct GemmProblem: Sendable {
  var rows: Int
  var width: Int
  var depth: Int
  var segments = 1
  var epilogue = EVSSM_EPILOGUE_STORE
  var bias = true
  /// Rows of A overlap, as in a convolution: this many floats from one row to the next. nil: `depth` + 3.
  var stride: Int?
  /// The addend is C itself.
  var inPlace = false
  /// C and the addend are laid out from their last row to the first.
  var reversed = false
  var special: [Float] = []

  var aStride: Int { stride ?? depth + 3 }
  var segmentLength: Int { max(rows - 1, 0) * aStride + depth }
  var cStride: Int { width + 5 }
  var totalDepth: Int { segments * depth }
}

extension KernelCase {
  static let gemm: [KernelCase] = shapes + epilogues + convolutions + specials

  private static let shapes: [KernelCase] = [0, 1, 2, 3, 5, 7, 8, 9, 13, 29, 31].flatMap { rows in
    [(16, 1), (32, 19), (48, 48), (64, 7), (80, 33), (96, 96), (208, 5)].map { width, depth in
      gemm(GemmProblem(rows: rows, width: width, depth: depth, bias: rows % 2 == 1))
    }
  }

  private static let epilogues: [KernelCase] = [
    EVSSM_EPILOGUE_STORE, EVSSM_EPILOGUE_ADD, EVSSM_EPILOGUE_GATE, EVSSM_EPILOGUE_GELU,
  ].flatMap { epilogue in
    [(17, 48), (23, 80), (14, 16)].flatMap { rows, width in
      [false, true].map { reversed in
        gemm(
          GemmProblem(
            rows: rows, width: width, depth: 24, epilogue: epilogue, inPlace: !reversed, reversed: reversed))
      }
    }
  }

  private static let convolutions: [KernelCase] = [16, 48].map { pitch in
    gemm(GemmProblem(rows: 27, width: 48 + pitch, depth: 3 * pitch, segments: 3, bias: false, stride: pitch))
  }

  private static let specials: [KernelCase] = [
    [Float.nan], [.infinity], [-.infinity, .infinity], [0x1p-133, -0x1p-140], [-0.0], [3e38, 3e38], [1e30],
  ].map { gemm(GemmProblem(rows: 11, width: 48, depth: 9, bias: false, special: $0)) }

  private static func gemm(_ problem: GemmProblem) -> KernelCase {
    var randomness = Randomness(problem.rows * 1000 + problem.width + problem.depth)
    var a = (0..<problem.segments).map { _ in randomness.values(problem.segmentLength) }
    for (index, value) in problem.special.enumerated() { a[0][problem.aStride * 2 + index] = value }
    let b = randomness.values(problem.totalDepth * problem.width)
    let bias = randomness.values(problem.width)
    let addend = randomness.values(problem.rows * problem.cStride, in: -4...4)
    let c = randomness.values(problem.rows * problem.cStride, in: -4...4)
    let expected = reference(problem, a: a, b: b, bias: bias, addend: problem.inPlace ? c : addend, c: c)
    return KernelCase(
      kernel: "gemm", label: label(problem), inputs: a + [packed(b, problem), bias, addend], outputs: [c],
      expected: [expected], length: problem.rows, run: { run(problem, $0, $1, $2[0], $3) })
  }

  private static func label(_ p: GemmProblem) -> String {
    "\(p.rows)x\(p.width)x\(p.segments)*\(p.depth) epilogue \(p.epilogue.rawValue) \(p.special)"
      + (p.inPlace ? " in place" : "") + (p.reversed ? " reversed" : "")
  }

  /// Row-major [K][width] into panels.
  private static func packed(_ b: [Float], _ problem: GemmProblem) -> [Float] {
    stride(from: 0, to: problem.width, by: Int(EVSSM_PANEL)).flatMap { (start: Int) -> [Float] in
      let width = min(Int(EVSSM_PANEL), problem.width - start)
      return (0..<problem.totalDepth).flatMap { (k: Int) -> ArraySlice<Float> in
        let first = k * problem.width + start
        return b[first..<(first + width)]
      }
    }
  }

  /// Where row `m` of C lies in its buffer.
  private static func place(_ m: Int, _ problem: GemmProblem) -> Int {
    (problem.reversed ? problem.rows - 1 - m : m) * problem.cStride
  }

  private static func reference(
    _ problem: GemmProblem, a: [[Float]], b: [Float], bias: [Float], addend: [Float], c: [Float]
  ) -> [Expected?] {
    var result = [Expected?](repeating: nil, count: problem.rows * problem.cStride)
    for m in 0..<problem.rows {
      for n in 0..<problem.width {
        var sum = problem.bias ? Double(bias[n]) : 0
        var magnitude = abs(sum)
        for k in 0..<problem.totalDepth {
          let left = a[k / problem.depth][m * problem.aStride + k % problem.depth]
          let product = Double(left) * Double(b[k * problem.width + n])
          sum += product
          magnitude += abs(product)
        }
        let value = Expected.sum(sum, magnitude: magnitude, terms: problem.totalDepth)
        let at = place(m, problem) + n
        result[at] = finished(value, problem.epilogue, addend: Double(addend[at]), c: Double(c[at]))
      }
    }
    return result
  }

  private static func finished(_ v: Expected, _ epilogue: evssm_epilogue, addend: Double, c: Double) -> Expected {
    switch epilogue {
    case EVSSM_EPILOGUE_ADD:
      let value = addend + v.value
      return Expected(value: value, error: v.error + Rounding.bound(magnitude: abs(value) + v.error, operations: 1))
    case EVSSM_EPILOGUE_GATE: return Reference.gelu(v).multiplied(by: Expected(value: c, error: 0))
    case EVSSM_EPILOGUE_GELU: return Reference.gelu(v)
    default: return v
    }
  }

  private static func run(
    _ problem: GemmProblem, _ kernels: evssm_kernels, _ inputs: [UnsafePointer<Float>],
    _ c: UnsafeMutablePointer<Float>, _ range: Range<Int>
  ) {
    let segment = { (s: Int) in s < problem.segments ? inputs[s] + range.lowerBound * problem.aStride : nil }
    let stride = problem.reversed ? -problem.cStride : problem.cStride
    let start = problem.rows == 0 ? 0 : place(min(range.lowerBound, problem.rows - 1), problem)
    let addend = problem.inPlace ? UnsafePointer(c) : inputs[problem.segments + 2]
    var args = evssm_gemm_args(
      a: (segment(0), segment(1), segment(2)), a_stride: problem.aStride, segments: problem.segments,
      segment_k: problem.depth, b: inputs[problem.segments],
      bias: problem.bias ? inputs[problem.segments + 1] : nil, c: c + start, c_stride: stride,
      addend: addend + start, addend_stride: stride, rows: range.count, width: problem.width,
      epilogue: problem.epilogue)
    kernels.gemm(&args)
  }
}
