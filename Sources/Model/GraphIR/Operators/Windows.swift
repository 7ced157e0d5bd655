import Tensors

/// A graph run on overlapping windows of its inputs, the overlaps of its outputs averaged.
///
/// The windows (``WindowGrid``) have at most `side` pixels a side and are laid in `frame`; the body sees them upright.
/// All inputs are maps of the same height and width. The body's inputs are maps of the same channels, of size
/// ``windowHeight`` × ``windowWidth``, and so are its outputs; it sees nothing else from outside.
package struct Windows: FrameEquivariant {
  package static let name = "windows"
  /// The symbols for the size of a window inside the body.
  package static let windowHeight = Dimension(symbol: "h")
  package static let windowWidth = Dimension(symbol: "w")

  package var side: Int
  package var frame: Frame
  package var body: Graph

  package init(side: Int, frame: Frame = .upright, body: Graph) {
    self.side = side
    self.frame = frame
    self.body = body
  }

  package var attributes: [Attribute] { [Attribute("side", side), Attribute("frame", frame)] }
  package var regions: [Graph] { [body] }
  package func withRegions(_ regions: [Graph]) -> any Operator {
    Windows(side: side, frame: frame, body: regions.first ?? body)
  }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1...64)
    let maps = try inputs.indices.map(rule.map)
    guard side > 0 else { throw rule.failure("needs windows of a positive side") }
    guard maps.allSatisfy({ $0.height == maps[0].height && $0.width == maps[0].width }) else {
      throw rule.failure("needs maps of one size")
    }
    let expected = maps.map { ValueType.map($0.dtype, $0.channels, Self.windowHeight, Self.windowWidth) }
    let actual = body.inputs.map { body[$0].type }
    guard expected == actual else { throw rule.failure("has a body with inputs \(actual), not \(expected)") }
    return try body.outputs.map { output in
      let type = body[output].type
      guard type.shape.count == 4, Array(type.shape[2...]) == [Self.windowHeight, Self.windowWidth] else {
        throw rule.failure("has a body with an output \(type) that is no map of the window's size")
      }
      return .map(type.dtype, type.shape[1], maps[0].height, maps[0].width)
    }
  }

  /// Throws `frame.operator` when something in the body has no frame.
  package func reframed(by frame: Frame) throws -> any Operator {
    Windows(side: side, frame: self.frame.composed(with: frame), body: try body.reframed(by: frame))
  }
}

extension Graph {
  /// The graph that does to upright maps what this one does to maps in `frame`. All inputs must be maps of one size.
  package func reframed(by frame: Frame) throws -> Graph {
    var out = Graph()
    var new: [ValueID: ValueID] = [:]
    for input in inputs { new[input] = out.addInput(self[input].name, self[input].type) }
    for node in nodes {
      guard let op = node.op as? any FrameEquivariant else {
        throw EVSSMError(
          "frame.operator", "Operator \(node.op.label) cannot be brought into another frame.",
          category: .internal, place: .init(node: node.name))
      }
      let operands = try node.inputs.enumerated().map { index, id in
        if let known = new[id] { return known }
        guard let constant = constant(id) else {
          throw EVSSMError(
            "graph.order", "A node uses \(id) before it is defined.", category: .internal, place: .init(node: node.name)
          )
        }
        return out.addConstant(self[id].name, try op.reframed(constant, input: index, by: frame))
      }
      let results = try out.add(op.reframed(by: frame), operands, name: node.name)
      for (old, result) in zip(node.outputs, results) { new[old] = result }
    }
    out.setOutputs(outputs.compactMap { new[$0] })
    return out
  }
}
