import ExecutionPlan
import Tensors

/// The layouts that stages share. Each appends one constant and returns its number.
extension WeightPacker {
  /// An (outputs, inputs) matrix.
  mutating func linear(_ weight: StageOperands.Weight, _ precision: Precision = .float32) -> ConstantID {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let columns = ColumnMatrix(weight: weight.values, outputs: outputs, inner: inputs, columns: outputs)
    return matrix(weight.name, columns, precision)
  }

  /// A vector over channels.
  mutating func vector(_ weight: StageOperands.Weight) -> ConstantID { vector(weight.name, weight.values) }

  /// A (channels, n) matrix as n vectors over channels.
  mutating func transposed(_ weight: StageOperands.Weight) -> ConstantID {
    let (channels, count) = (weight.shape[0], weight.shape[1])
    return rows(weight.name, (0..<count).map { n in (0..<channels).map { weight.values[$0 * count + n] } })
  }

  /// A (channels, 3, 3) kernel for upright maps as nine vectors over channels, in the frame's coordinates.
  mutating func depthwise(_ weight: StageOperands.Weight, _ frame: Frame) -> ConstantID {
    rows(weight.name, weight.taps(channels: 0..<weight.shape[0], frame))
  }

  /// A dense k×k convolution as a matrix: row (k·dy + dx)·pitch + channel, so that a row of taps reads pixels side by
  /// side.
  mutating func spatial(_ weight: StageOperands.Weight, _ precision: Precision = .float32) -> ConstantID {
    let (outputs, inputs, taps) = (weight.shape[0], weight.shape[1], weight.shape[2] * weight.shape[3])
    let pitch = Layout.pitch(inputs)
    var columns = ColumnMatrix(inner: taps * pitch, columns: outputs)
    for output in 0..<outputs {
      for channel in 0..<inputs {
        for tap in 0..<taps {
          columns.values[(tap * pitch + channel) * outputs + output] =
            weight.values[(output * inputs + channel) * taps + tap]
        }
      }
    }
    return matrix(weight.name, columns, precision)
  }
}

extension StageOperands.Weight {
  /// The nine taps of (channels, 3, 3) kernels for upright maps, each over the given channels, in the frame's coordinates.
  func taps(channels: Range<Int>, _ frame: Frame) -> [[Float]] {
    let kernels = channels.map { frame.apply(to: Array(values[$0 * 9..<$0 * 9 + 9]), side: 3) }
    return (0..<9).map { tap in kernels.map { $0[tap] } }
  }
}
