import GraphIR
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
