import Tensors

/// A map transposed, half-turned, or both: its height and width exchanged, its axes reversed.
package struct ChangeFrame: FrameEquivariant {
  package static let name = "change_frame"
  package var frame: Frame

  package init(_ frame: Frame) { self.frame = frame }

  package var attributes: [Attribute] { [Attribute("frame", frame)] }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let map = try TypeRule(self, inputs, count: 1).map(0)
    let size = frame.size(map.height, map.width)
    return [.map(map.dtype, map.channels, size.height, size.width)]
  }
}
