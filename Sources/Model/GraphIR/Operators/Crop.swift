import Tensors

/// The `height` × `width` part of a map that lies at its start (top left) or end (bottom right).
package struct Crop: FrameEquivariant {
  package static let name = "crop"
  package var height, width: Dimension
  package var keeping: Edge

  package init(height: Dimension, width: Dimension, keeping: Edge = .start) {
    self.height = height
    self.width = width
    self.keeping = keeping
  }

  package var attributes: [Attribute] {
    [Attribute("height", height), Attribute("width", width), Attribute("keeping", keeping.rawValue)]
  }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let map = try TypeRule(self, inputs, count: 1).map(0)
    return [.map(map.dtype, map.channels, height, width)]
  }

  package func reframed(by frame: Frame) -> any Operator {
    let size = frame.size(height, width)
    return Crop(height: size.height, width: size.width, keeping: keeping.reframed(by: frame))
  }
}
