import Tensors

/// A map cut along its channels into maps of the given numbers of channels.
public struct Split: FrameEquivariant {
  public static let name = "split"
  public var sizes: [Int]

  public init(_ sizes: [Int]) { self.sizes = sizes }

  public var attributes: [Attribute] { [Attribute("sizes", sizes)] }
  public var isPerPixel: Bool { true }
  public func isAffine(inInput index: Int) -> Bool { true }

  public func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1)
    let map = try rule.map(0)
    let total = try sizes.reduce(0) { try Checked.add($0, $1) }
    guard sizes.allSatisfy({ $0 > 0 }), map.channels.known == total else {
      throw rule.failure("needs positive sizes that add up to the channels")
    }
    return sizes.map { map.type(channels: Dimension($0)) }
  }
}
