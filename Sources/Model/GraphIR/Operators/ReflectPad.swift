import Tensors

/// The side of both axes at which padding grows, or at which a crop begins.
public enum Edge: String, Sendable {
  /// Top and left.
  case start
  /// Bottom and right.
  case end

  public var opposite: Edge { self == .start ? .end : .start }

  /// The same edge of an upright map, for a map in `frame`.
  public func reframed(by frame: Frame) -> Edge { frame.halfTurned ? opposite : self }
}

/// A map grown by reflection (without repeating the border) to the next multiple of `multiple` on both axes.
///
/// Reflection needs a pad smaller than the axis.
public struct ReflectPad: FrameEquivariant {
  public static let name = "reflect_pad"
  public var multiple: Int
  public var growing: Edge

  public init(multiple: Int, growing: Edge = .end) {
    self.multiple = multiple
    self.growing = growing
  }

  public var attributes: [Attribute] { [Attribute("multiple", multiple), Attribute("growing", growing.rawValue)] }
  public func isAffine(inInput index: Int) -> Bool { true }

  public func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let map = try TypeRule(self, inputs, count: 1).map(0)
    let height = try map.height.roundedUp(toMultipleOf: multiple)
    let width = try map.width.roundedUp(toMultipleOf: multiple)
    return [.map(map.dtype, map.channels, height, width)]
  }

  public func reframed(by frame: Frame) -> any Operator {
    ReflectPad(multiple: multiple, growing: growing.reframed(by: frame))
  }
}
