import CKernels
import Foundation

/// Cases of the kernels for dense tensors: any count, no padding.
extension KernelCase {
  static let dense: [KernelCase] =
    unary + binary + reduce + softmax + normalise + planeNorm + copyRows + transpose + windowRow

  private static let counts = [1, 3, 16, 17, 31, 64, 67, 200]

  private static func values(_ count: Int, seed: Int, _ range: ClosedRange<Float> = -4...4) -> [Float] {
    var randomness = Randomness(seed &* 7919 &+ count)
    return randomness.values(count, in: range)
  }

  // MARK: - Element-wise

  private static let functions: [(evssm_unary, ClosedRange<Float>, @Sendable (Double) -> Double)] = [
    (EVSSM_UNARY_COPY, -4...4, { $0 }), (EVSSM_UNARY_NEGATE, -4...4, { -$0 }),
    (EVSSM_UNARY_ABSOLUTE, -4...4, { abs($0) }),
    (EVSSM_UNARY_SQUARE, -4...4, { $0 * $0 }), (EVSSM_UNARY_SQUARE_ROOT, 0...9, { $0.squareRoot() }),
    (EVSSM_UNARY_RECIPROCAL, 0.5...4, { 1 / $0 }), (EVSSM_UNARY_EXPONENTIAL, -80...80, { exp($0) }),
    (EVSSM_UNARY_SIGMOID, -30...30, { 1 / (1 + exp(-$0)) }), (EVSSM_UNARY_SILU, -30...30, { $0 / (1 + exp(-$0)) }),
    (EVSSM_UNARY_TANH, -9...9, { tanh($0) }), (EVSSM_UNARY_TANH, -0.4...0.4, { tanh($0) }),
    (EVSSM_UNARY_ERROR, -6...6, { erf($0) }), (EVSSM_UNARY_GELU, -6...6, { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) }),
    (EVSSM_UNARY_LEAKY_RELU, -4...4, { max($0, 0) + 0.125 * min($0, 0) }),
  ]

  private static let unary: [KernelCase] = functions.flatMap { function, range, reference in
    counts.map { count in
      let input = values(count, seed: Int(function.rawValue) + 1, range)
      let wanted = input.map { x -> Expected? in
        let value = reference(Double(x))
        // GELU's error is bounded relative to its argument, as of the kernel map_gelu.
        let scale = function == EVSSM_UNARY_GELU ? max(1, abs(Double(x))) : 1
        return Expected(value: value, error: 1e-6 * abs(value) + 3e-7 * scale)
      }
      return KernelCase(
        kernel: "unary", label: "\(function.rawValue) of \(count)", inputs: [input],
        outputs: [[Float](repeating: 1, count: count)], expected: [wanted], length: count
      ) { kernels, inputs, outputs, piece in
        var args = evssm_unary_args(
          in: inputs[0] + piece.lowerBound, out: outputs[0] + piece.lowerBound, count: piece.count, function: function,
          alpha: 0.125)
        kernels.unary(&args)
      }
    }
  }

  private static let operations: [(evssm_binary, @Sendable (Float, Float) -> Float)] = [
    (EVSSM_BINARY_ADD, { $0 + $1 }), (EVSSM_BINARY_SUBTRACT, { $0 - $1 }), (EVSSM_BINARY_MULTIPLY, { $0 * $1 }),
    (EVSSM_BINARY_DIVIDE, { $0 / $1 }), (EVSSM_BINARY_MAXIMUM, { max($0, $1) }),
    (EVSSM_BINARY_MINIMUM, { min($0, $1) }),
  ]

  private static let binary: [KernelCase] = operations.flatMap { function, reference in
    [(1, 1), (0, 1), (1, 0)].flatMap { steps in
      counts.map { count in
        let (a, b) = (values(steps.0 == 0 ? 1 : count, seed: 5), values(steps.1 == 0 ? 1 : count, seed: 6))
        let wanted = (0..<count).map { i -> Expected? in
          Expected(value: Double(reference(a[i * steps.0], b[i * steps.1])), error: 0)
        }
        return KernelCase(
          kernel: "binary", label: "\(function.rawValue) of \(count) in steps \(steps)", inputs: [a, b],
          outputs: [[Float](repeating: 1, count: count)], expected: [wanted], length: count
        ) { kernels, inputs, outputs, piece in
          var args = evssm_binary_args(
            a: inputs[0] + piece.lowerBound * steps.0, a_step: steps.0, b: inputs[1] + piece.lowerBound * steps.1,
            b_step: steps.1, out: outputs[0] + piece.lowerBound, count: piece.count, function: function)
          kernels.binary(&args)
        }
      }
    }
  }

  // MARK: - Rows

  private static let reduce: [KernelCase] = counts.flatMap { count in
    [EVSSM_REDUCTION_SUM, EVSSM_REDUCTION_MAXIMUM, EVSSM_REDUCTION_MINIMUM].map { function in
      let input = values(5 * (count + 2), seed: 11)
      let wanted = (0..<5).map { row -> Expected? in
        let line = input[row * (count + 2)..<row * (count + 2) + count].map(Double.init)
        switch function {
        case EVSSM_REDUCTION_MAXIMUM: return Expected(value: line.max() ?? 0, error: 0)
        case EVSSM_REDUCTION_MINIMUM: return Expected(value: line.min() ?? 0, error: 0)
        default: return .sum(line.reduce(0, +), magnitude: line.reduce(0) { $0 + abs($1) }, terms: count)
        }
      }
      return KernelCase(
        kernel: "reduce", label: "\(function.rawValue) of \(count)", inputs: [input], outputs: [[1, 1, 1, 1, 1]],
        expected: [wanted], length: 5
      ) { kernels, inputs, outputs, piece in
        var args = evssm_reduce_args(
          in: inputs[0] + piece.lowerBound * (count + 2), in_stride: count + 2, out: outputs[0] + piece.lowerBound,
          rows: piece.count, count: count, function: function)
        kernels.reduce(&args)
      }
    }
  }

  private static func rowCase(
    _ kernel: String, _ count: Int, _ parameters: [[Float]], _ reference: ([Double]) -> [Double],
    _ run: @escaping @Sendable (evssm_kernels, inout evssm_row_args) -> Void
  ) -> KernelCase {
    let (input, stride) = (values(4 * (count + 1), seed: 13), count + 1)
    var wanted = [Expected?](repeating: nil, count: 4 * stride)
    for row in 0..<4 {
      let line = reference(input[row * stride..<row * stride + count].map(Double.init))
      for i in 0..<count { wanted[row * stride + i] = Expected(value: line[i], error: 2e-6 * (1 + abs(line[i]))) }
    }
    return KernelCase(
      kernel: kernel, label: "of \(count), \(parameters.count) parameters", inputs: [input] + parameters,
      outputs: [[Float](repeating: 1, count: 4 * stride)], expected: [wanted], length: 4
    ) { kernels, inputs, outputs, piece in
      var args = evssm_row_args(
        in: inputs[0] + piece.lowerBound * stride, in_stride: stride, out: outputs[0] + piece.lowerBound * stride,
        out_stride: stride, rows: piece.count, count: count, weight: inputs.count > 1 ? inputs[1] : nil,
        bias: inputs.count > 2 ? inputs[2] : nil, epsilon: 1e-5)
      run(kernels, &args)
    }
  }

  private static let softmax: [KernelCase] = counts.map { count in
    rowCase("softmax", count, []) { line in
      let peak = line.max() ?? 0
      let powers = line.map { exp($0 - peak) }
      return powers.map { $0 / powers.reduce(0, +) }
    } _: {
      $0.softmax(&$1)
    }
  }

  private static func normalised(_ line: [Double]) -> [Double] {
    let mean = line.reduce(0, +) / Double(line.count)
    let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(line.count)
    return line.map { ($0 - mean) / (variance + 1e-5).squareRoot() }
  }

  private static let normalise: [KernelCase] = counts.filter { $0 > 2 }.flatMap { count in
    [0, 1, 2].map { number in
      let parameters = (0..<number).map { values(count, seed: 17 + $0) }
      return rowCase("normalise", count, parameters) { line in
        normalised(line).enumerated().map { i, value in
          value * (number > 0 ? Double(parameters[0][i]) : 1) + (number > 1 ? Double(parameters[1][i]) : 0)
        }
      } _: {
        $0.normalise(&$1)
      }
    }
  }

  // MARK: - Planes and places

  private static let planeNorm: [KernelCase] = [(3, 5), (16, 16), (7, 33), (20, 67)].map { channels, count in
    let stride = count + 3
    let input = values(channels * stride, seed: 19)
    let (weight, bias) = (values(channels, seed: 20), values(channels, seed: 21))
    var wanted = [Expected?](repeating: nil, count: channels * stride)
    for p in 0..<count {
      let column = normalised((0..<channels).map { Double(input[$0 * stride + p]) })
      for c in 0..<channels {
        let value = column[c] * Double(weight[c]) + Double(bias[c])
        wanted[c * stride + p] = Expected(value: value, error: 1e-5 * (1 + abs(value)))
      }
    }
    return KernelCase(
      kernel: "plane_norm", label: "\(channels) × \(count)", inputs: [input, weight, bias],
      outputs: [[Float](repeating: 1, count: channels * stride)], expected: [wanted], length: count
    ) { kernels, inputs, outputs, piece in
      var args = evssm_plane_norm_args(
        in: inputs[0] + piece.lowerBound, in_stride: stride, out: outputs[0] + piece.lowerBound, out_stride: stride,
        channels: channels, count: piece.count, weight: inputs[1], bias: inputs[2], epsilon: 1e-5)
      kernels.plane_norm(&args)
    }
  }

  private static let copyRows: [KernelCase] = counts.map { count in
    let input = values(3 * (count + 2), seed: 23)
    var wanted = [Expected?](repeating: nil, count: 3 * (count + 5))
    for row in 0..<3 {
      for i in 0..<count {
        wanted[row * (count + 5) + i] = Expected(value: Double(input[row * (count + 2) + i]), error: 0)
      }
    }
    return KernelCase(
      kernel: "copy_rows", label: "of \(count)", inputs: [input],
      outputs: [[Float](repeating: 1, count: 3 * (count + 5))],
      expected: [wanted], length: 3
    ) { kernels, inputs, outputs, piece in
      var args = evssm_copy_args(
        in: inputs[0] + piece.lowerBound * (count + 2), in_stride: count + 2,
        out: outputs[0] + piece.lowerBound * (count + 5), out_stride: count + 5, rows: piece.count, count: count)
      kernels.copy_rows(&args)
    }
  }

  private static let transpose: [KernelCase] = [(1, 1), (3, 50), (16, 16), (35, 18)].map { rows, columns in
    let input = values(rows * (columns + 1), seed: 29)
    var wanted = [Expected?](repeating: nil, count: columns * (rows + 2))
    for i in 0..<rows {
      for j in 0..<columns {
        wanted[j * (rows + 2) + i] = Expected(value: Double(input[i * (columns + 1) + j]), error: 0)
      }
    }
    return KernelCase(
      kernel: "transpose", label: "\(rows) × \(columns)", inputs: [input],
      outputs: [[Float](repeating: 1, count: columns * (rows + 2))], expected: [wanted], length: rows
    ) { kernels, inputs, outputs, piece in
      var args = evssm_transpose_args(
        in: inputs[0] + piece.lowerBound * (columns + 1), in_stride: columns + 1, out: outputs[0] + piece.lowerBound,
        out_stride: rows + 2, rows: piece.count, columns: columns)
      kernels.transpose(&args)
    }
  }

  private static let windowRow: [KernelCase] = [(1, 3, 1), (3, 3, 1), (5, 2, 2), (16, 1, 1)].flatMap {
    rows, columns, dilation in
    counts.map { count in
      let width = count + (columns - 1) * dilation
      let input = values(rows * width, seed: 31)
      let weight = values(rows * columns, seed: 37)
      let wanted = (0..<count).map { x -> Expected? in
        var (sum, magnitude) = (0.25, 0.25)
        for i in 0..<rows {
          for j in 0..<columns {
            let product = Double(weight[i * columns + j]) * Double(input[i * width + x + j * dilation])
            sum += product
            magnitude += abs(product)
          }
        }
        return .sum(sum, magnitude: magnitude, terms: rows * columns + 1)
      }
      return KernelCase(
        kernel: "window_row", label: "\(rows) × \(columns) by \(dilation), \(count)", inputs: [input, weight],
        outputs: [[Float](repeating: 1, count: count)], expected: [wanted], length: count
      ) { kernels, inputs, outputs, piece in
        var args = evssm_window_args()
        withUnsafeMutableBytes(of: &args.row) { bytes in
          let pointers = bytes.bindMemory(to: UnsafePointer<Float>?.self)
          for i in 0..<rows { pointers[i] = inputs[0] + i * width + piece.lowerBound }
        }
        args.rows = rows
        args.columns = columns
        args.dilation = dilation
        args.weight = inputs[1]
        args.bias = 0.25
        args.out = outputs[0] + piece.lowerBound
        args.count = piece.count
        kernels.window_row(&args)
      }
    }
  }
}
