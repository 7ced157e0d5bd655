import GraphIR
import Tensors

/// Recognises the feed-forward half of a block as ``FusedFeedForwardStage``.
///
/// Of the frame only the half turn shows: it anchors the grid. The transpose is in the kernels already.
struct FuseFeedForwardStage: FusingPass {
  static let name = "fuse-feed-forward-stage"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard let add = node.op as? ElementwiseBinary, add.function == .add,
      let crop = matcher.find(node.inputs[1], Crop.self, inputs: 1),
      let filter = matcher.find(crop.inputs[0], SpectralFilter.self, inputs: 2)
    else { return nil }
    let x = node.inputs[0]
    let pad = try matcher.match(filter.inputs[0], ReflectPad.self, inputs: 1)
    try matcher.require(
      pad.op.multiple == 8 && pad.op.growing == crop.op.keeping.opposite, "the pad is not the one that is cropped again"
    )
    let out = try matcher.match(pad.inputs[0], PointwiseLinear.self, inputs: 2)
    let (gelu, b) = try matcher.binary(out.inputs[0], .multiply)
    let a = try matcher.unary(gelu, .gelu)
    let split = try matcher.match(a, Split.self, inputs: 1)
    try matcher.require(
      split.node.outputs == [a, b] && split.op.sizes.first == split.op.sizes.last, "the gate is not made of two halves")
    let convolution = try matcher.match(split.inputs[0], DepthwiseConvolution.self, inputs: 2)
    let projection = try matcher.match(convolution.inputs[0], PointwiseLinear.self, inputs: 3)
    let norm = try matcher.match(projection.inputs[0], RMSNorm.self, inputs: 1)
    try matcher.require(norm.inputs[0] == x, "the norm reads another map than the residual")
    let constants = [
      projection.inputs[1], projection.inputs[2], convolution.inputs[1], out.inputs[1], filter.inputs[1],
    ]
    try matcher.constants(constants)
    let frame = Frame(halfTurned: pad.op.growing == .start)
    let op = FusedFeedForwardStage(frame: frame, hidden: split.op.sizes[0], epsilon: norm.op.epsilon)
    return Fusion(op: op, operands: ([x] + constants).map(Fusion.Operand.value))
  }
}
