import GraphIR
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
