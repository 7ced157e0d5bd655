import CKernels

/// A product of bfloat16 matrices; see `evssm_gemm_bf16_args`. The fields are those of a float32 product's problem.
struct PairProblem: Sendable {
  var rows: Int
  var width: Int
  /// Even.
  var depth: Int
  var segments = 1
  var epilogue = EVSSM_EPILOGUE_STORE
  var bias = true
  var isRounded = false
  /// Rows of A overlap, as in a convolution: this many values from one row to the next. nil: `depth` + 2.
  var stride: Int?
  /// The addend is C itself.
  var inPlace = false
  /// C and the addend are laid out from their last row to the first.
  var reversed = false
  var special: [Float] = []

  var aStride: Int { stride ?? depth + 2 }
  var segmentLength: Int { max(rows - 1, 0) * aStride + depth }
  var cStride: Int { width + 6 }
  var totalDepth: Int { segments * depth }

  /// Where row `m` of C lies in its buffer.
  func place(_ m: Int) -> Int { (reversed ? rows - 1 - m : m) * cStride }
}

extension KernelCase {
  static let reduced: [KernelCase] =
    products + rmsNormRounded + depthwiseReduced + scanReduced + rounding + coarseGELU

  private static let products: [KernelCase] = shapes + epilogues + convolutions + specials

  private static let shapes: [KernelCase] = [0, 1, 2, 3, 5, 7, 8, 9, 13, 29, 31].flatMap { rows in
    [(16, 2), (32, 20), (48, 48), (64, 8), (80, 34), (96, 96), (208, 6)].map { width, depth in
      product(PairProblem(rows: rows, width: width, depth: depth, bias: rows % 2 == 1, isRounded: rows % 3 == 0))
    }
  }

  private static let epilogues: [KernelCase] = [
    EVSSM_EPILOGUE_STORE, EVSSM_EPILOGUE_ADD, EVSSM_EPILOGUE_GATE, EVSSM_EPILOGUE_GELU,
  ].flatMap { epilogue in
    [(17, 48), (23, 80), (14, 16)].flatMap { rows, width in
      [false, true].flatMap { reversed in
        [false, true].map { isRounded in
          product(
            PairProblem(
              rows: rows, width: width, depth: 24, epilogue: epilogue, isRounded: isRounded,
              inPlace: !reversed && !isRounded, reversed: reversed))
        }
      }
    }
  }

  private static let convolutions: [KernelCase] = [16, 48].map { pitch in
    product(PairProblem(rows: 27, width: 48 + pitch, depth: 3 * pitch, segments: 3, bias: false, stride: pitch))
  }

  private static let specials: [KernelCase] = [
    [Float.nan], [.infinity], [-.infinity, .infinity], [0x1p-130, -0x1p-132], [-0.0], [3e38, 3e38], [1e30],
  ].map { product(PairProblem(rows: 11, width: 48, depth: 10, bias: false, special: $0)) }

  private static func product(_ problem: PairProblem) -> KernelCase {
    var randomness = Randomness(problem.rows * 1000 + problem.width + problem.depth)
    var a = (0..<problem.segments).map { _ in randomness.values(problem.segmentLength) }
    for (index, value) in problem.special.enumerated() { a[0][problem.aStride * 2 + index] = value }
    let b = randomness.values(problem.totalDepth * problem.width)
    let bias = randomness.values(problem.width)
    let addend = randomness.values(problem.rows * problem.cStride, in: -4...4)
    let c = randomness.values(problem.rows * problem.cStride, in: -4...4)
    let words = a.map(BFloat16.words)
    let expected = reference(
      problem, a: words.map(BFloat16.values), b: b.map { BFloat16.value(BFloat16.bits($0)) }, bias: bias,
      addend: problem.inPlace ? c : addend)
    let untouched = [Expected?](repeating: nil, count: c.count)
    return KernelCase(
      kernel: "gemm_bf16", label: label(problem), inputs: words + [packed(b, problem), bias, addend],
      outputs: [c, BFloat16.words(c)],
      expected: problem.isRounded ? [untouched, BFloat16.rounded(expected)] : [expected, BFloat16.rounded(untouched)],
      length: problem.rows, halves: [1], run: { run(problem, $0, $1, $2, $3) })
  }

  private static func label(_ p: PairProblem) -> String {
    "\(p.rows)x\(p.width)x\(p.segments)*\(p.depth) epilogue \(p.epilogue.rawValue) \(p.special)"
      + (p.isRounded ? " rounded" : "") + (p.inPlace ? " in place" : "") + (p.reversed ? " reversed" : "")
  }

  /// Row-major [K][width] into panels of pairs of rows.
  static func packed(_ b: [Float], _ problem: PairProblem) -> [Float] {
    let ordered = stride(from: 0, to: problem.width, by: Int(EVSSM_PANEL)).flatMap { (start: Int) -> [Float] in
      let columns = start..<min(start + Int(EVSSM_PANEL), problem.width)
      return stride(from: 0, to: problem.totalDepth, by: 2).flatMap { (k: Int) -> [Float] in
        columns.flatMap { [b[k * problem.width + $0], b[(k + 1) * problem.width + $0]] }
      }
    }
    return BFloat16.words(ordered)
  }

  private static func reference(
    _ problem: PairProblem, a: [[Float]], b: [Float], bias: [Float], addend: [Float]
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
        let bound = Expected.sum(sum, magnitude: magnitude, terms: problem.totalDepth)
        // Subnormal values count as zeros.
        let value = Expected(value: sum, error: bound.error + Double(problem.totalDepth) * 0x1p-126)
        let at = problem.place(m) + n
        result[at] = finished(value, problem.epilogue, addend: Double(addend[at]))
      }
    }
    return result
  }

  private static func finished(_ v: Expected, _ epilogue: evssm_epilogue, addend: Double) -> Expected {
    let addend = Expected(value: addend, error: 0)
    let gelu = { Reference.gelu(v, error: Reference.reducedGELUError) }
    switch epilogue {
    case EVSSM_EPILOGUE_ADD: return addend.added(to: v)
    case EVSSM_EPILOGUE_GATE: return gelu().multiplied(by: addend)
    case EVSSM_EPILOGUE_GELU: return gelu()
    default: return v
    }
  }

  static func run(
    _ problem: PairProblem, _ kernels: evssm_kernels, _ inputs: [UnsafePointer<Float>],
    _ outputs: [UnsafeMutablePointer<Float>], _ range: Range<Int>
  ) {
    let segment = { (s: Int) in
      s < problem.segments ? BFloat16.pointer(inputs[s]) + range.lowerBound * problem.aStride : nil
    }
    let stride = problem.reversed ? -problem.cStride : problem.cStride
    let start = problem.rows == 0 ? 0 : problem.place(min(range.lowerBound, problem.rows - 1))
    let addend = problem.inPlace ? UnsafePointer(outputs[0]) : inputs[problem.segments + 2]
    var args = evssm_gemm_bf16_args(
      a: (segment(0), segment(1), segment(2)), a_stride: problem.aStride, segments: problem.segments,
      segment_k: problem.depth, b: BFloat16.pointer(inputs[problem.segments]),
      bias: problem.bias ? inputs[problem.segments + 1] : nil, c: outputs[0] + start, c_stride: stride,
      rounded: problem.isRounded ? BFloat16.pointer(outputs[1]) + start : nil, rounded_stride: stride,
      addend: addend + start, addend_stride: stride, rows: range.count, width: problem.width,
      epilogue: problem.epilogue)
    kernels.gemm_bf16(&args)
  }

  // MARK: Elementwise

  /// Every high half with the low halves around its rounding boundaries: no error is allowed.
  private static let rounding: [KernelCase] = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map { (low: UInt32) in
    let values = (0..<0x10000).map { Float(bitPattern: UInt32($0) << 16 | low) }
    let expected = values.map { Expected(value: Double(BFloat16.value(BFloat16.bits($0))), error: 0) }
    return KernelCase(
      kernel: "round_bf16", label: "low half \(low)", inputs: [values],
      outputs: [[Float](repeating: 1, count: values.count / 2)], expected: [expected], length: values.count / 16,
      halves: [0]
    ) { kernels, inputs, outputs, piece in
      let start = 16 * piece.lowerBound
      var args = evssm_round_args(
        in: inputs[0] + start, out: BFloat16.pointer(outputs[0]) + start, count: 16 * piece.count)
      kernels.round_bf16(&args)
    }
  }
}
