import Tensors

/// Bilinear resampling by ½ or 2 as PyTorch does it with `align_corners=False`.
///
/// By ½: the mean of each 2×2; height and width must be even. By 2: output pixel i looks at input (i + ½)/2 − ½,
/// edges clamped.
package struct BilinearResample: FrameEquivariant {
  package enum Factor: String, Sendable { case half, double }

  package static let name = "bilinear_resample"
  package var factor: Factor

  package init(_ factor: Factor) { self.factor = factor }

  package var attributes: [Attribute] { [Attribute("factor", factor.rawValue)] }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1)
    let map = try rule.map(0)
    func size(_ size: Dimension) throws -> Dimension {
      if factor == .double { return try size.times(2) }
      let half = try size.dividedRoundingDown(by: 2)
      guard try half.times(2) == size else { throw rule.failure("needs an even height and width") }
      return half
    }
    return [.map(map.dtype, map.channels, try size(map.height), try size(map.width))]
  }
}
