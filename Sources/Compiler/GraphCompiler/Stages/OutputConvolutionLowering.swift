import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors

/// Recognises the last convolution, the picture added to it and the crop as ``FusedOutputConvolution``.
struct FuseOutputConvolution: FusingPass {
  static let name = "fuse-output-convolution"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard let crop = node.op as? Crop,
      matcher.find(node.inputs[0], ElementwiseBinary.self, inputs: 2) != nil
    else { return nil }
    let (residual, padded) = try matcher.binary(node.inputs[0], .add)
    let convolution = try matcher.match(residual, Convolution.self, inputs: 2)
    guard let pad = matcher.find(padded, ReflectPad.self, inputs: 1), pad.op.multiple == 4, pad.op.growing == .end
    else {
      throw Mismatch("the picture is not padded right and bottom to multiples of 4")
    }
    let picture = matcher.graph[pad.inputs[0]].type
    try matcher.require(
      crop.keeping == .start && [crop.height, crop.width] == picture.shape.suffix(2),
      "the crop is not to the picture's size")
    try matcher.constants([convolution.inputs[1]])
    let operands = [convolution.inputs[0], pad.inputs[0], convolution.inputs[1]]
    return Fusion(op: FusedOutputConvolution(), operands: operands.map { .value($0) })
  }
}

/// ``FusedOutputConvolution`` to ``OutputConvolution``.
struct OutputConvolutionLowering: StageLowering {
  static let role = StageRole.other
  static let rounding = StageRounding.none("its sums are the result, and it is a few thousandths of the work")

  init(_ stage: FusedOutputConvolution) {}

  static func modelName(_ weights: WeightNames) -> String? { weights.prefix(before: ".weight").map { $0 + ".crop" } }

  func result(_ operands: StageOperands) throws -> StageResult? { nil }

  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation {
    let weight = try operands.weight(2)
    let id = packer.spatial(weight)
    return OutputConvolution(input: try maps.operand(0), channels: weight.shape[1], weight: id)
  }
}
