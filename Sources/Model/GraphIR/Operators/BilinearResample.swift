import Tensors

/// Bilinear resampling by ½ or 2 as PyTorch does it with `align_corners=False`.
///
/// By ½: the mean of each 2×2; height and width must be even. By 2: output pixel i looks at input (i + ½)/2 − ½,
/// edges clamped.
public struct BilinearResample: FrameEquivariant {
  public enum Factor: String, Sendable { case half, double }

  public static let name = "bilinear_resample"
  public var factor: Factor

  public init(_ factor: Factor) { self.factor = factor }

  public var attributes: [Attribute] { [Attribute("factor", factor.rawValue)] }
  public func isAffine(inInput index: Int) -> Bool { true }

  public func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
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
