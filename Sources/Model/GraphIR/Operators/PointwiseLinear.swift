import Tensors

/// A matrix applied to the channels of every pixel, optionally plus a bias.
///
/// Inputs: map (1, I, H, W), weight (O, I), optional bias (O). Result: map (1, O, H, W).
package struct PointwiseLinear: FrameEquivariant {
  package static let name = "pointwise_linear"

  package init() {}

  package var isPerPixel: Bool { true }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 2...3)
    let map = try rule.map(0)
    let outputs = try rule.size(1, axis: 0, rank: 2)
    try rule.tensor(1, [outputs, map.channels])
    try rule.optionalTensor(2, [outputs])
    return [map.type(channels: outputs)]
  }
}
