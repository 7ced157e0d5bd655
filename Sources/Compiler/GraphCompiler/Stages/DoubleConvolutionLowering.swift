import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors

/// Recognises a bilinear double, a convolution and an addition as ``FusedDoubleConvolution``.
struct FuseDoubleConvolution: FusingPass {
  static let name = "fuse-double-convolution"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard let add = node.op as? ElementwiseBinary, add.function == .add,
      let convolution = matcher.find(node.inputs[0], Convolution.self, inputs: 2),
      let double = matcher.find(convolution.inputs[0], BilinearResample.self, inputs: 1), double.op.factor == .double
    else { return nil }
    _ = try matcher.match(node.inputs[0], Convolution.self, inputs: 2)
    try matcher.constants([convolution.inputs[1]])
    return Fusion(
      op: FusedDoubleConvolution(),
      operands: [double.inputs[0], node.inputs[1], convolution.inputs[1]].map { .value($0) })
  }
}

/// ``FusedDoubleConvolution`` to ``DoubleConvolution``.
struct DoubleConvolutionLowering: StageLowering {
  static let role = StageRole.other
  static let rounding = StageRounding.matrices(
    "the convolution in bfloat16, sums in float32; resampling in float32")
  static let overwritable: OverwritableOperand? = OverwritableOperand(operand: 1, name: "skip")

  private var choice: Schedule.DoublingChoice?

  init(_ stage: FusedDoubleConvolution) {}

  static func modelName(_ weights: WeightNames) -> String? {
    weights.prefix(before: ".body.1.weight").map { $0 + ".skip" }
  }

  mutating func choose(_ schedule: Schedule, _ operands: StageOperands) throws -> String? {
    let shape = try operands.shape(2)
    let choice = schedule.doubling(inputChannels: shape[1], outputChannels: shape[0], kernelSide: shape[2])
    self.choice = choice
    return choice.reason
  }

  var choices: [Attribute] { choice.map { [Attribute("panel_columns", $0.panelColumns ?? 0)] } ?? [] }

  func result(_ operands: StageOperands) throws -> StageResult? {
    StageResult(channels: try operands.shape(2)[0], size: .doubled)
  }

  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation {
    guard let choice else { throw Self.unscheduled(operands) }
    let weight = try operands.weight(2)
    let id =
      choice.panelColumns == nil
      ? packer.spatial(weight, operands.precision)
      : packer.matrix(weight.name, Self.tapMatrix(weight.values, weight.shape), operands.precision)
    return DoubleConvolution(
      input: try maps.operand(0), skip: try maps.operand(1), output: try maps.output(),
      inputChannels: weight.shape[1], outputChannels: weight.shape[0], kernelSide: weight.shape[2],
      panelColumns: choice.panelColumns, weight: id)
  }

  /// The matrices of a dense convolution's taps side by side: column tap·pitch + output channel.
  private static func tapMatrix(_ weight: [Float], _ shape: [Int]) -> ColumnMatrix {
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
}

extension Schedule {
  struct DoublingChoice {
    /// Nil where interpolation goes first.
    var panelColumns: Int?
    var reason: String
  }

  /// Products first costs a quarter of the multiply-adds and, a vector of output channels and pixel of the input, the
  /// mixing of nine products into four results.
  func doubling(inputChannels: Int, outputChannels: Int, kernelSide: Int) -> DoublingChoice {
    let mixing = 64
    let (first, behind) = (4 * 9 * inputChannels, 9 * inputChannels + mixing)
    guard kernelSide == 3, behind < first else {
      return DoublingChoice(
        panelColumns: nil, reason: "interpolation before the matrix: a \(kernelSide)×\(kernelSide) kernel")
    }
    // Three rows of products in a quarter of a core's cache, which the matrices pass through as well.
    let pixel = 4 * 3 * 9 * Layout.pitch(outputChannels)
    let columns = min(max(target.secondLevelBytes / 4 / pixel / 8 * 8, 8), 64)
    return DoublingChoice(
      panelColumns: columns,
      reason:
        "matrices before interpolation, \(columns) columns at a time: \(behind) cycles a pixel and vector, not \(first)"
    )
  }
}
