import Tensors

/// A 1-D convolution (correlation) of each channel by itself along the scan order, zero padding at the two ends only:
/// it runs on across row ends.
///
/// The order is row by row in `frame`. Inputs: map (1, C, H, W), weight (C, taps) with an odd number of taps, bias (C).
package struct ScanConvolution: FrameEquivariant {
  package static let name = "scan_convolution"
  package var frame: Frame

  package init(frame: Frame = .upright) { self.frame = frame }

  package var attributes: [Attribute] { [Attribute("frame", frame)] }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 3)
    let map = try rule.map(0)
    let taps = try rule.size(1, axis: 1, rank: 2)
    guard let known = taps.known, known % 2 == 1 else { throw rule.failure("needs a known odd number of taps") }
    try rule.tensor(1, [map.channels, taps])
    try rule.tensor(2, [map.channels])
    return [map.type]
  }

  package func reframed(by frame: Frame) -> any Operator { ScanConvolution(frame: self.frame.composed(with: frame)) }
}
