import Tensors

/// The side of both axes at which padding grows, or at which a crop begins.
package enum Edge: String, Sendable {
  /// Top and left.
  case start
  /// Bottom and right.
  case end

  package var opposite: Edge { self == .start ? .end : .start }

  /// The same edge of an upright map, for a map in `frame`.
  package func reframed(by frame: Frame) -> Edge { frame.halfTurned ? opposite : self }
}

/// A map grown by reflection (without repeating the border) to the next multiple of `multiple` on both axes.
///
/// Reflection needs a pad smaller than the axis.
package struct ReflectPad: FrameEquivariant {
  package static let name = "reflect_pad"
  package var multiple: Int
  package var growing: Edge

  package init(multiple: Int, growing: Edge = .end) {
    self.multiple = multiple
    self.growing = growing
  }

  package var attributes: [Attribute] { [Attribute("multiple", multiple), Attribute("growing", growing.rawValue)] }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let map = try TypeRule(self, inputs, count: 1).map(0)
    let height = try map.height.roundedUp(toMultipleOf: multiple)
    let width = try map.width.roundedUp(toMultipleOf: multiple)
    return [.map(map.dtype, map.channels, height, width)]
  }

  package func reframed(by frame: Frame) -> any Operator {
    ReflectPad(multiple: multiple, growing: growing.reframed(by: frame))
  }
}
