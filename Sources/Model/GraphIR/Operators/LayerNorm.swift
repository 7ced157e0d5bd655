import Tensors

/// (x − mean) · (variance + epsilon)^(−1/2) · weight + bias, mean and (biased) variance over the channels of a pixel.
///
/// Inputs: map (1, C, H, W), weight (C), bias (C).
package struct LayerNorm: FrameEquivariant {
  package static let name = "layer_norm"
  package var epsilon: Double

  package init(epsilon: Double) { self.epsilon = epsilon }

  package var attributes: [Attribute] { [Attribute("epsilon", epsilon)] }
  package var isPerPixel: Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 3)
    let map = try rule.map(0)
    try rule.tensor(1, [map.channels])
    try rule.tensor(2, [map.channels])
    return [map.type]
  }
}
