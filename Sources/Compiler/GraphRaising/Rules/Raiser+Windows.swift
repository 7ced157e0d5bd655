import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

// Windows that were recognised before: what is done to them is still a graph of primitives.

extension Raiser {
  /// The same windows with what is done to them recognised. Nil when the operand is no map.
  mutating func windows(_ windows: Windows, _ operand: ValueID) throws -> MapView? {
    guard let source = try plainMap(operand), type(source) == self.source[operand].type else { return nil }
    let body = try raised(windows.body, "what is done to the windows")
    let map = try addOne(Windows(side: windows.side, frame: windows.frame, body: body), [source])
    return MapView(map, type(map))
  }
}

extension Raiser {
  /// A graph of primitives by itself, made of EVSSM's operators. Throws ``Mismatch`` when something is left over.
  mutating func raised(_ graph: Graph, _ what: String) throws -> Graph {
    var result = graph
    var reasons: [Explanation] = []
    for pass in RaiseWindows.regionPasses {
      let (next, _, explanations) = try pass.run(result)
      result = next
      reasons += explanations
    }
    edit.explain(reasons)
    if let left = result.nodes.first(where: { $0.op is Primitive || $0.op is RaisedOperator }) {
      throw Mismatch(
        "\(what) is not known: \((left.op as? RaisedOperator)?.description ?? left.op.label) at \(left.name) is left over"
      )
    }
    return result
  }
}
