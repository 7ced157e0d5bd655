import Tensors

/// The selective state-space scan (Mamba, arXiv 2312.00752), channel by channel along the scan order:
///
///     h(l) = exp(Δ(l)·A) ⊙ h(l−1) + Δ(l)·u(l)·B(l),   h(−1) = 0
///     y(l) = ⟨h(l), C(l)⟩ + D·u(l)
///
/// The order is row by row in `frame`. Inputs: u and Δ (1, d, H, W), A (d, n), B and C (1, n, H, W), D (d).
package struct SelectiveScan: FrameEquivariant {
  /// The base of the exponential: with base 2, A holds log₂e times what it holds with base e.
  package enum Base: String, Sendable { case e, two }

  package static let name = "selective_scan"
  package var frame: Frame
  package var base: Base

  package init(frame: Frame = .upright, base: Base = .e) {
    self.frame = frame
    self.base = base
  }

  package var attributes: [Attribute] { [Attribute("frame", frame), Attribute("base", base.rawValue)] }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 6)
    let map = try rule.map(0)
    try rule.equal(1, map.type)
    let states = try rule.size(2, axis: 1, rank: 2)
    try rule.tensor(2, [map.channels, states])
    try rule.equal(3, map.type(channels: states))
    try rule.equal(4, map.type(channels: states))
    try rule.tensor(5, [map.channels])
    return [map.type]
  }

  package func reframed(by frame: Frame) -> any Operator {
    SelectiveScan(frame: self.frame.composed(with: frame), base: base)
  }
}
