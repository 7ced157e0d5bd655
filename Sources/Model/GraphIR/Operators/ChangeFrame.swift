import Tensors

/// A map transposed, half-turned, or both: its height and width exchanged, its axes reversed.
public struct ChangeFrame: FrameEquivariant {
  public static let name = "change_frame"
  public var frame: Frame

  public init(_ frame: Frame) { self.frame = frame }

  public var attributes: [Attribute] { [Attribute("frame", frame)] }

  public func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let map = try TypeRule(self, inputs, count: 1).map(0)
    let size = frame.size(map.height, map.width)
    return [.map(map.dtype, map.channels, size.height, size.width)]
  }
}
