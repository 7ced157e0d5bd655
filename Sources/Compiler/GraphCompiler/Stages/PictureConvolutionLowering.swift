import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors

/// Recognises the padded picture's convolution as ``FusedPictureConvolution``.
struct FusePictureConvolution: FusingPass {
  static let name = "fuse-picture-convolution"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard node.op is Convolution, let pad = matcher.find(node.inputs[0], ReflectPad.self, inputs: 1) else { return nil }
    try matcher.require(
      pad.op.multiple == 4 && pad.op.growing == .end, "the pad is not right and bottom to multiples of 4")
    try matcher.constants([node.inputs[1]])
    return Fusion(op: FusedPictureConvolution(), operands: [.value(pad.inputs[0]), .value(node.inputs[1])])
  }
}

/// ``FusedPictureConvolution`` to ``PictureConvolution``.
struct PictureConvolutionLowering: StageLowering {
  static let role = StageRole.other
  static let rounding = StageRounding.none("the picture's values would lose bits of their own")

  init(_ stage: FusedPictureConvolution) {}

  static func modelName(_ weights: WeightNames) -> String? { weights.prefix(before: ".weight") }

  func result(_ operands: StageOperands) throws -> StageResult? {
    StageResult(channels: try operands.shape(1)[0], size: .picture)
  }

  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation {
    let weight = try operands.weight(1)
    let channels = weight.shape[0]
    let id = packer.matrix(weight.name, Self.matrix(weight.values, channels: channels))
    return PictureConvolution(output: try maps.output(), channels: channels, weight: id)
  }

  /// A (channels, 3, 3, 3) kernel as a matrix: row 3·tap + colour.
  private static func matrix(_ values: [Float], channels: Int) -> ColumnMatrix {
    var matrix = ColumnMatrix(inner: 27, columns: channels)
    for output in 0..<channels {
      for colour in 0..<3 {
        for tap in 0..<9 {
          matrix.values[(3 * tap + colour) * channels + output] = values[(output * 3 + colour) * 9 + tap]
        }
      }
    }
    return matrix
  }
}
