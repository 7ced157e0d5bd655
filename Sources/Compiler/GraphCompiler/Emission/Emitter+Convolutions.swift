import ExecutionPlan
import GraphIR
import Tensors

extension Emitter {
  mutating func pictureConvolution(_ node: Node) throws -> any PlanOperation {
    let weight = try constant(node, 1)
    let channels = weight.shape[0]
    var matrix = ColumnMatrix(inner: 27, columns: channels)
    for output in 0..<channels {
      for colour in 0..<3 {
        for tap in 0..<9 {
          matrix.values[(3 * tap + colour) * channels + output] = weight.values[(output * 3 + colour) * 9 + tap]
        }
      }
    }
    let id = packer.matrix(name(node, 1), matrix)
    return ExecutionPlan.PictureConvolution(
      output: makeBuffer(node, channels: channels, divisor: 1), channels: channels, weight: id)
  }

  mutating func outputConvolution(_ node: Node) throws -> any PlanOperation {
    let weight = try constant(node, 2)
    let id = packer.matrix(name(node, 2), Self.spatialMatrix(weight.values, weight.shape))
    return ExecutionPlan.OutputConvolution(input: try buffer(node, 0), channels: weight.shape[1], weight: id)
  }

  mutating func halveConvolution(_ node: Node) throws -> any PlanOperation {
    let weight = try constant(node, 1)
    let input = try buffer(node, 0)
    let id = matrix(name(node, 1), Self.spatialMatrix(weight.values, weight.shape))
    let output = makeBuffer(node, channels: weight.shape[0], divisor: 2 * (try divisor(input)))
    return ExecutionPlan.HalveConvolution(
      input: input, output: output, inputChannels: weight.shape[1], outputChannels: weight.shape[0],
      kernelSide: weight.shape[2], weight: id)
  }

  mutating func doubleConvolution(_ node: Node) throws -> any PlanOperation {
    let weight = try constant(node, 2)
    let input = try buffer(node, 0)
    let skip = try buffer(node, 1)
    let (outputs, inputs, side) = (weight.shape[0], weight.shape[1], weight.shape[2])
    let choice = schedule.doubling(inputChannels: inputs, outputChannels: outputs, kernelSide: side)
    explain(node, choice.reason)
    let id =
      choice.panelColumns == nil
      ? matrix(name(node, 2), Self.spatialMatrix(weight.values, weight.shape))
      : matrix(name(node, 2), Self.tapMatrix(weight.values, weight.shape))
    let output: BufferID
    if isLastUse(of: node.inputs[1], at: node) {
      output = skip
      explain(node, "writes over its skip, which no later step reads", pass: "share-maps")
      takeOver(skip, for: node)
    } else {
      explain(node, "a map of its own: a later step reads the skip", pass: "share-maps", .rejected)
      output = makeBuffer(node, channels: weight.shape[0], divisor: try divisor(input) / 2)
    }
    return ExecutionPlan.DoubleConvolution(
      input: input, skip: skip, output: output, inputChannels: inputs, outputChannels: outputs, kernelSide: side,
      panelColumns: choice.panelColumns, weight: id)
  }

  /// A dense k×k convolution as a matrix: row (k·dy + dx)·pitch + channel, so that a row of taps reads pixels side by
  /// side.
  static func spatialMatrix(_ weight: [Float], _ shape: [Int]) -> ColumnMatrix {
    let (outputs, inputs, taps) = (shape[0], shape[1], shape[2] * shape[3])
    let pitch = Layout.pitch(inputs)
    var matrix = ColumnMatrix(inner: taps * pitch, columns: outputs)
    for output in 0..<outputs {
      for channel in 0..<inputs {
        for tap in 0..<taps {
          matrix.values[(tap * pitch + channel) * outputs + output] = weight[(output * inputs + channel) * taps + tap]
        }
      }
    }
    return matrix
  }

  /// The matrices of a dense convolution's taps side by side: column tap·pitch + output channel.
  static func tapMatrix(_ weight: [Float], _ shape: [Int]) -> ColumnMatrix {
    let (outputs, inputs, taps) = (shape[0], shape[1], shape[2] * shape[3])
    let pitch = Layout.pitch(outputs)
    var matrix = ColumnMatrix(inner: inputs, columns: taps * pitch)
    for output in 0..<outputs {
      for channel in 0..<inputs {
        for tap in 0..<taps {
          let column = tap * pitch + output
          matrix.values[channel * matrix.columns + column] = weight[(output * inputs + channel) * taps + tap]
        }
      }
    }
    return matrix
  }

  /// The checkpoint's (or pass's) name of a constant operand.
  func name(_ node: Node, _ input: Int) -> String { graph[node.inputs[input]].name }
}
