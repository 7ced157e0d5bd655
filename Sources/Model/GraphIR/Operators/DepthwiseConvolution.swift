import Tensors

/// A 3×3 convolution (correlation) of each channel by itself, stride 1, zero padding 1, optionally plus a bias.
///
/// Inputs: map (1, C, H, W), weight (C, 3, 3), optional bias (C).
package struct DepthwiseConvolution: FrameEquivariant {
  package static let name = "depthwise_convolution"

  package init() {}

  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 2...3)
    let map = try rule.map(0)
    try rule.tensor(1, [map.channels, 3, 3])
    try rule.optionalTensor(2, [map.channels])
    return [map.type]
  }

  package func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor {
    index == 1 ? try frame.applied(to: constant) : constant
  }
}
