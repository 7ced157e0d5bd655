import Tensors

/// x · (mean over channels of x² + epsilon)^(−1/2), optionally times a weight and plus a bias a channel.
/// No mean is subtracted.
///
/// Inputs: map (1, C, H, W), and then either nothing more or weight (C) and bias (C).
package struct RMSNorm: FrameEquivariant {
  package static let name = "rms_norm"
  package var epsilon: Double

  package init(epsilon: Double) { self.epsilon = epsilon }

  package var attributes: [Attribute] { [Attribute("epsilon", epsilon)] }
  package var isPerPixel: Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1...3)
    let map = try rule.map(0)
    guard inputs.count != 2 else { throw rule.failure("needs both weight and bias, or neither") }
    try rule.optionalTensor(1, [map.channels])
    try rule.optionalTensor(2, [map.channels])
    return [map.type]
  }
}
