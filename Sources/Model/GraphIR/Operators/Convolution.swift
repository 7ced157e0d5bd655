import Tensors

/// A dense k×k convolution (correlation), stride 1, zero padding k/2, no bias; k odd.
///
/// Inputs: map (1, I, H, W), weight (O, I, k, k). Result: map (1, O, H, W).
package struct Convolution: FrameEquivariant {
  package static let name = "convolution"

  package init() {}

  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 2)
    let map = try rule.map(0)
    let outputs = try rule.size(1, axis: 0, rank: 4)
    let side = try rule.size(1, axis: 2, rank: 4)
    try rule.tensor(1, [outputs, map.channels, side, side])
    guard let known = side.known, known % 2 == 1 else { throw rule.failure("needs a kernel of known odd side") }
    return [map.type(channels: outputs)]
  }

  package func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor {
    try frame.applied(to: constant)
  }
}
