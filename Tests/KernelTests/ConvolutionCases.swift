import CKernels

/// Three rows of pixels with a halo of one pixel on both sides, one buffer a row.
private struct DepthwiseProblem: Sendable {
  let pixels: Int
  let channels: Int
  let gate: Bool
  let bias: Bool
  var isReduced = false
  var pitch: Int { channels.pitch }
  var halves: Int { gate ? 2 : 1 }
  var stride: Int { halves * pitch + 5 }
  var outStride: Int { pitch + 3 }
}

extension KernelCase {
  static let depthwise = depthwiseGELU(isReduced: false) + depthwiseGate(isReduced: false)
  static let depthwiseReduced = depthwiseGELU(isReduced: true) + depthwiseGate(isReduced: true)

  private static let depthwiseSizes = [(0, 16), (1, 16), (2, 48), (3, 5), (7, 50), (16, 96), (33, 32)]

  private static func depthwiseGELU(isReduced: Bool) -> [KernelCase] {
    depthwiseSizes.map { pixels, channels in
      depthwise(DepthwiseProblem(pixels: pixels, channels: channels, gate: false, bias: true, isReduced: isReduced))
    }
  }

  private static func depthwiseGate(isReduced: Bool) -> [KernelCase] {
    depthwiseSizes.flatMap { pixels, channels in
      [false, true].map { bias in
        depthwise(DepthwiseProblem(pixels: pixels, channels: channels, gate: true, bias: bias, isReduced: isReduced))
      }
    }
  }

  private static func depthwise(_ problem: DepthwiseProblem) -> KernelCase {
    var randomness = Randomness(problem.pixels * 100 + problem.channels)
    let rows = (0..<3).map { _ in
      (0..<(problem.pixels + 2)).flatMap { _ in
        (0..<problem.halves).flatMap { _ in
          randomness.pixels(1, channels: problem.channels, stride: problem.pitch, in: -2...2)
        } + [Float](repeating: 9999, count: problem.stride - problem.halves * problem.pitch)
      }
    }
    let weight = randomness.pixels(9 * problem.halves, channels: problem.channels, stride: problem.pitch)
    let bias = randomness.pixels(problem.halves, channels: problem.channels, stride: problem.pitch)
    let output = [Float](repeating: -3, count: problem.pixels * problem.outStride)
    var expected = [Expected?](repeating: nil, count: output.count)
    let gelu = { Reference.gelu($0, error: problem.isReduced ? Reference.reducedGELUError : Reference.geluError) }
    for x in 0..<problem.pixels {
      for c in 0..<problem.pitch {
        let a = depthwiseSum(problem, rows, weight, bias, x: x, c: c)
        expected[x * problem.outStride + c] =
          problem.gate
          ? gelu(a).multiplied(by: depthwiseSum(problem, rows, weight, bias, x: x, c: problem.pitch + c))
          : gelu(a)
      }
    }
    if problem.isReduced && problem.gate { return reducedGate(problem, rows + [weight, bias], output, expected) }
    return KernelCase(
      kernel: problem.gate ? "depthwise_gate" : problem.isReduced ? "depthwise_gelu_reduced" : "depthwise_gelu",
      label: "\(problem.pixels) pixels, \(problem.channels) channels" + (problem.bias ? ", bias" : ""),
      inputs: rows + [weight, bias], outputs: [output], expected: [expected], length: problem.pixels,
      run: { runDepthwise(problem, $0, $1, $2[0], $3) })
  }

  private static func reducedGate(
    _ problem: DepthwiseProblem, _ inputs: [[Float]], _ output: [Float], _ expected: [Expected?]
  ) -> KernelCase {
    KernelCase(
      kernel: "depthwise_gate_bf16",
      label: "\(problem.pixels) pixels, \(problem.channels) channels" + (problem.bias ? ", bias" : ""), inputs: inputs,
      outputs: [BFloat16.words(output)], expected: [BFloat16.rounded(expected)], length: problem.pixels, halves: [0]
    ) { kernels, inputs, outputs, range in
      let start = (range.lowerBound + 1) * problem.stride
      var args = evssm_gate_bf16_args(
        row: (inputs[0] + start, inputs[1] + start, inputs[2] + start), row_stride: problem.stride, weight: inputs[3],
        bias: problem.bias ? inputs[4] : nil,
        rounded: BFloat16.pointer(outputs[0]) + range.lowerBound * problem.outStride, rounded_stride: problem.outStride,
        pixels: range.count, pitch: problem.pitch)
      kernels.depthwise_gate_bf16(&args)
    }
  }

  private static func depthwiseSum(
    _ problem: DepthwiseProblem, _ rows: [[Float]], _ weight: [Float], _ bias: [Float], x: Int, c: Int
  ) -> Expected {
    let width = problem.halves * problem.pitch
    var sum = problem.bias ? Double(bias[c]) : 0
    var magnitude = abs(sum)
    for i in 0..<3 {
      for j in 0..<3 {
        let product = Double(weight[(3 * i + j) * width + c]) * Double(rows[i][(x + j) * problem.stride + c])
        sum += product
        magnitude += abs(product)
      }
    }
    return .sum(sum, magnitude: magnitude, terms: 9)
  }

  private static func runDepthwise(
    _ problem: DepthwiseProblem, _ kernels: evssm_kernels, _ inputs: [UnsafePointer<Float>],
    _ out: UnsafeMutablePointer<Float>, _ range: Range<Int>
  ) {
    let start = (range.lowerBound + 1) * problem.stride
    var args = evssm_depthwise_args(
      row: (inputs[0] + start, inputs[1] + start, inputs[2] + start), row_stride: problem.stride,
      weight: inputs[3], bias: problem.bias ? inputs[4] : nil, out: out + range.lowerBound * problem.outStride,
      out_stride: problem.outStride, pixels: range.count, pitch: problem.pitch)
    if problem.gate {
      kernels.depthwise_gate(&args)
    } else if problem.isReduced {
      kernels.depthwise_gelu_reduced(&args)
    } else {
      kernels.depthwise_gelu(&args)
    }
  }

  static let taps: [KernelCase] = [(0, 16), (1, 19), (2, 32), (9, 28), (40, 48)].map { positions, channels in
    var randomness = Randomness(positions)
    let pitch = channels.pitch, inStride = pitch + 1, outStride = pitch + 9
    let input = randomness.pixels(positions + 6, channels: channels, stride: inStride)
    let weight = randomness.pixels(7, channels: channels, stride: pitch)
    let bias = randomness.pixels(1, channels: channels, stride: pitch)
    let output = [Float](repeating: 2, count: positions * outStride)
    var expected = [Expected?](repeating: nil, count: output.count)
    for l in 0..<positions {
      for c in 0..<pitch {
        let products = (0..<7).map { Double(weight[$0 * pitch + c]) * Double(input[(l + $0) * inStride + c]) }
        let terms = products + [Double(bias[c])]
        expected[l * outStride + c] = .sum(
          terms.reduce(0, +), magnitude: terms.reduce(0) { $0 + abs($1) }, terms: 7)
      }
    }
    return KernelCase(
      kernel: "taps", label: "\(positions) positions, \(channels) channels", inputs: [input, weight, bias],
      outputs: [output], expected: [expected], length: positions
    ) { kernels, inputs, outputs, range in
      var args = evssm_taps_args(
        in: inputs[0] + (range.lowerBound + 3) * inStride, in_stride: inStride,
        out: outputs[0] + range.lowerBound * outStride, out_stride: outStride, weight: inputs[1], bias: inputs[2],
        positions: range.count, pitch: pitch)
      kernels.taps(&args)
    }
  }
}
