import CKernels
import Foundation

extension KernelCase {
  private static let normChannels = [1, 15, 16, 17, 31, 33, 48, 50, 96, 100, 192, 384]

  static let rmsNorm: [KernelCase] = normChannels.flatMap { channels in
    [(0, Float(1e-6)), (5, 1e-6), (23, 1e-3)].map { rmsNorm(pixels: $0, channels: channels, epsilon: $1) }
  }

  static let rmsNormRounded: [KernelCase] = normChannels.flatMap { channels in
    [(0, Float(1e-6)), (5, 1e-6), (23, 1e-3)].map {
      rmsNorm(pixels: $0, channels: channels, epsilon: $1, isRounded: true)
    }
  }

  private static func rmsNorm(pixels: Int, channels: Int, epsilon: Float, isRounded: Bool = false) -> KernelCase {
    var randomness = Randomness(channels)
    let stride = channels.pitch + 7, outStride = channels.pitch + 2
    let input = randomness.pixels(pixels, channels: channels, stride: stride, in: -3...3)
    let output = [Float](repeating: 5, count: pixels * outStride)
    var expected = [Expected?](repeating: nil, count: output.count)
    for p in 0..<pixels {
      let values = (0..<channels.pitch).map { Double(input[p * stride + $0]) }
      let scale = 1 / (values.reduce(0) { $0 + $1 * $1 } / Double(channels) + Double(epsilon)).squareRoot()
      for c in 0..<channels.pitch {
        let value = values[c] * scale
        expected[p * outStride + c] = Expected(value: value, error: abs(value) * 2e-6)
      }
    }
    if isRounded {
      return KernelCase(
        kernel: "rms_norm_bf16", label: "\(pixels) pixels, \(channels) channels", inputs: [input],
        outputs: [BFloat16.words(output)], expected: [BFloat16.rounded(expected)], length: pixels, halves: [0]
      ) { kernels, inputs, outputs, range in
        var args = evssm_rms_bf16_args(
          in: inputs[0] + range.lowerBound * stride, in_stride: stride,
          out: BFloat16.pointer(outputs[0]) + range.lowerBound * outStride, out_stride: outStride, pixels: range.count,
          channels: channels, epsilon: epsilon)
        kernels.rms_norm_bf16(&args)
      }
    }
    return KernelCase(
      kernel: "rms_norm", label: "\(pixels) pixels, \(channels) channels", inputs: [input], outputs: [output],
      expected: [expected], length: pixels
    ) { kernels, inputs, outputs, range in
      var args = evssm_rms_args(
        in: inputs[0] + range.lowerBound * stride, in_stride: stride,
        out: outputs[0] + range.lowerBound * outStride, out_stride: outStride, pixels: range.count,
        channels: channels, epsilon: epsilon)
      kernels.rms_norm(&args)
    }
  }

  static let layerNorm: [KernelCase] = normChannels.flatMap { channels in
    [(0, Float(0)), (5, 0), (23, 100)].map { layerNorm(pixels: $0, channels: channels, offset: $1) }
  }

  private static func layerNorm(pixels: Int, channels: Int, offset: Float) -> KernelCase {
    var randomness = Randomness(channels + 1)
    let stride = channels.pitch + 3, epsilon: Float = 1e-5
    let input = randomness.pixels(pixels, channels: channels, stride: stride, in: (offset - 2)...(offset + 2))
    let weight = randomness.pixels(1, channels: channels, stride: channels.pitch)
    let bias = randomness.pixels(1, channels: channels, stride: channels.pitch)
    var expected = [Expected?](repeating: nil, count: input.count)
    for p in 0..<pixels {
      let values = (0..<channels).map { Double(input[p * stride + $0]) }
      let mean = values.reduce(0, +) / Double(channels)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channels)
      let scale = 1 / (variance + Double(epsilon)).squareRoot()
      let meanError = values.reduce(0) { $0 + abs($1) } / Double(channels) * 24 * Rounding.unit
      for c in 0..<channels.pitch {
        guard c < channels else {
          expected[p * stride + c] = Expected(value: 0, error: 0)
          continue
        }
        let normal = (values[c] - mean) * scale
        let slack = abs(normal) * 3e-6 + scale * meanError * (1 + abs(normal)) * 2
        expected[p * stride + c] = Expected(
          value: normal * Double(weight[c]) + Double(bias[c]), error: slack * abs(Double(weight[c])) + 2e-7)
      }
    }
    return KernelCase(
      kernel: "layer_norm", label: "\(pixels) pixels, \(channels) channels, about \(offset)",
      inputs: [weight, bias], outputs: [input], expected: [expected], length: pixels
    ) { kernels, inputs, outputs, range in
      var args = evssm_layer_norm_args(
        y: outputs[0] + range.lowerBound * stride, stride: stride, pixels: range.count, channels: channels,
        weight: inputs[0], bias: inputs[1], epsilon: epsilon)
      kernels.layer_norm(&args)
    }
  }
}
