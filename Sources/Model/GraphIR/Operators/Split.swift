import Tensors

/// A map cut along its channels into maps of the given numbers of channels.
package struct Split: FrameEquivariant {
  package static let name = "split"
  package var sizes: [Int]

  package init(_ sizes: [Int]) { self.sizes = sizes }

  package var attributes: [Attribute] { [Attribute("sizes", sizes)] }
  package var isPerPixel: Bool { true }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1)
    let map = try rule.map(0)
    let total = try sizes.reduce(0) { try Checked.add($0, $1) }
    guard sizes.allSatisfy({ $0 > 0 }), map.channels.known == total else {
      throw rule.failure("needs positive sizes that add up to the channels")
    }
    return sizes.map { map.type(channels: Dimension($0)) }
  }
}
