import CKernels

extension KernelCase {
  static let blend: [KernelCase] = [(0, 16), (1, 48), (2, 5), (23, 50)].flatMap { pixels, channels in
    [(false, false), (true, false), (false, true), (true, true)].flatMap { scaled, added in
      [false, true].map { blend(pixels: pixels, channels: channels, scaled: scaled, added: added, reversed: $0) }
    }
  }

  private static func blend(pixels: Int, channels: Int, scaled: Bool, added: Bool, reversed: Bool) -> KernelCase {
    var randomness = Randomness(pixels + channels)
    let pitch = channels.pitch, inStride = pitch + 4, outStride = pitch + 6
    let input = randomness.pixels(pixels, channels: channels, stride: inStride)
    let scale = randomness.values(pixels)
    let output = randomness.pixels(pixels, channels: channels, stride: outStride)
    var expected = [Expected?](repeating: nil, count: output.count)
    for p in 0..<pixels {
      for c in 0..<pitch {
        let at = (reversed ? pixels - 1 - p : p) * outStride + c
        let product = (scaled ? Double(scale[p]) : 1) * Double(input[p * inStride + c])
        let term = added ? Double(output[at]) : 0
        expected[at] = .sum(product + term, magnitude: abs(product) + abs(term), terms: 1)
      }
    }
    return KernelCase(
      kernel: "blend",
      label: "\(pixels) pixels, \(channels) channels" + (scaled ? ", scaled" : "") + (added ? ", added" : "")
        + (reversed ? ", reversed" : ""),
      inputs: [input, scale], outputs: [output], expected: [expected], length: pixels
    ) { kernels, inputs, outputs, range in
      let start = (reversed ? max(pixels - 1 - range.lowerBound, 0) : range.lowerBound) * outStride
      let stride = reversed ? -outStride : outStride
      var args = evssm_blend_args(
        in: inputs[0] + range.lowerBound * inStride, in_stride: inStride,
        addend: added ? UnsafePointer(outputs[0]) + start : nil, addend_stride: stride, out: outputs[0] + start,
        out_stride: stride, scale: scaled ? inputs[1] + range.lowerBound : nil, pixels: range.count, pitch: pitch)
      kernels.blend(&args)
    }
  }

  static let halve: [KernelCase] = [(0, 16), (1, 48), (3, 5), (22, 50)].map { pixels, channels in
    var randomness = Randomness(pixels)
    let pitch = channels.pitch, inStride = pitch + 4, outStride = pitch + 1
    let rows = (0..<2).map { _ in randomness.pixels(2 * pixels, channels: channels, stride: inStride) }
    let output = [Float](repeating: 3, count: pixels * outStride)
    var expected = [Expected?](repeating: nil, count: output.count)
    for p in 0..<pixels {
      for c in 0..<pitch {
        let terms = rows.flatMap { row in [0, 1].map { Double(row[(2 * p + $0) * inStride + c]) / 4 } }
        expected[p * outStride + c] = .sum(
          terms.reduce(0, +), magnitude: terms.reduce(0) { $0 + abs($1) }, terms: 3)
      }
    }
    return KernelCase(
      kernel: "halve", label: "\(pixels) pixels, \(channels) channels", inputs: rows, outputs: [output],
      expected: [expected], length: pixels
    ) { kernels, inputs, outputs, range in
      let start = 2 * range.lowerBound * inStride
      var args = evssm_halve_args(
        top: inputs[0] + start, bottom: inputs[1] + start, in_stride: inStride,
        out: outputs[0] + range.lowerBound * outStride, out_stride: outStride, pixels: range.count, pitch: pitch)
      kernels.halve(&args)
    }
  }

  static let doubleRow: [KernelCase] = [(0, 16), (1, 48), (2, 5), (3, 16), (22, 50)].flatMap { pixels, channels in
    [Float(0.25), 0.75, 1].map { doubleRow(pixels: pixels, channels: channels, nearWeight: $0) }
  }

  private static func doubleRow(pixels: Int, channels: Int, nearWeight: Float) -> KernelCase {
    var randomness = Randomness(pixels + channels)
    let pitch = channels.pitch, inStride = pitch + 4, outStride = pitch + 1
    let rows = (0..<2).map { _ in randomness.pixels(pixels, channels: channels, stride: inStride) }
    let output = [Float](repeating: 3, count: 2 * pixels * outStride)
    var expected = [Expected?](repeating: nil, count: output.count)
    for x in 0..<(2 * pixels) {
      for c in 0..<pitch {
        let mix = { (p: Int) in
          let at = min(max(p, 0), pixels - 1) * inStride + c
          return Double(nearWeight) * Double(rows[0][at]) + (1 - Double(nearWeight)) * Double(rows[1][at])
        }
        let value = 0.75 * mix(x / 2) + 0.25 * mix(x % 2 == 0 ? x / 2 - 1 : x / 2 + 1)
        expected[x * outStride + c] = .sum(value, magnitude: 1, terms: 4)
      }
    }
    return KernelCase(
      kernel: "double_row", label: "\(pixels) pixels, \(channels) channels, \(nearWeight)", inputs: rows,
      outputs: [output], expected: [expected], length: 1
    ) { kernels, inputs, outputs, range in
      var args = evssm_double_args(
        near_row: inputs[0], far_row: inputs[1], near_weight: nearWeight, in_stride: inStride, out: outputs[0],
        out_stride: outStride, pixels: range.isEmpty ? 0 : pixels, pitch: pitch)
      kernels.double_row(&args)
    }
  }
}
