import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors

/// Recognises a bilinear half and a convolution as ``FusedHalveConvolution``.
struct FuseHalveConvolution: FusingPass {
  static let name = "fuse-halve-convolution"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard node.op is Convolution, let half = matcher.find(node.inputs[0], BilinearResample.self, inputs: 1),
      half.op.factor == .half
    else { return nil }
    try matcher.constants([node.inputs[1]])
    return Fusion(op: FusedHalveConvolution(), operands: [.value(half.inputs[0]), .value(node.inputs[1])])
  }
}

/// ``FusedHalveConvolution`` to ``HalveConvolution``.
struct HalveConvolutionLowering: StageLowering {
  static let role = StageRole.halving
  static let rounding = StageRounding.matrices(
    "the convolution in bfloat16, sums in float32; resampling in float32")

  init(_ stage: FusedHalveConvolution) {}

  static func modelName(_ weights: WeightNames) -> String? { weights.prefix(before: ".weight") }

  func result(_ operands: StageOperands) throws -> StageResult? {
    StageResult(channels: try operands.shape(1)[0], size: .halved)
  }

  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation {
    let weight = try operands.weight(1)
    let id = packer.spatial(weight, operands.precision)
    return HalveConvolution(
      input: try maps.operand(0), output: try maps.output(), inputChannels: weight.shape[1],
      outputChannels: weight.shape[0], kernelSide: weight.shape[2], weight: id)
  }
}
