import GraphIR
import GraphRewriting
import Tensors

/// The padding of the picture to multiples of 4 and the crop at the end. A graph for one size that needs neither gets both,
/// as they do nothing there.
package struct RaisePicture: Pass {
  package init() {}

  package static let name = "raise-picture"
  package static let entersRegions = false

  package func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let producers = graph.producers
    guard let (end, convolved, shown) = Self.end(graph, producers), let picture = Self.picture(shown, graph, producers)
    else { return edit }
    let padded = try edit.addOne(ReflectPad(multiple: 4), [picture], name: graph[picture].name + ".pad")
    guard edit[padded].type == graph[shown].type else {
      edit.rejected(end.name, "the picture is not padded right and bottom to multiples of 4")
      return edit
    }
    for node in graph.nodes where node.op is Convolution && node.inputs[0] == shown {
      let inputs = [padded] + node.inputs.dropFirst()
      try edit.replace(node.outputs[0], with: edit.addOne(node.op, inputs, name: node.name))
    }
    let sum = try edit.addOne(ElementwiseBinary(.add), [convolved, padded], name: end.name)
    let size = graph[picture].type.shape
    let crop = try edit.addOne(Crop(height: size[2], width: size[3]), [sum], name: end.name + ".crop")
    let cut = Self.crop(of: end.outputs[0], graph)
    if let cut {
      guard graph[cut].type == edit[crop].type else {
        edit.rejected(end.name, "the result is not cropped to the size of the picture")
        return Edit(of: graph, pass: Self.name)
      }
      try edit.replace(cut, with: crop)
    } else {
      guard graph[end.outputs[0]].type == edit[crop].type else {
        edit.rejected(end.name, "the result is not cropped to the size of the picture")
        return Edit(of: graph, pass: Self.name)
      }
      try edit.replace(end.outputs[0], with: crop)
    }
    edit.applied(end.name, "the picture is added to the result: padding in front and a crop behind")
    return edit
  }

  /// The addition of the picture, the convolution's result, and the picture as it is added.
  private static func end(_ graph: Graph, _ producers: [Int?]) -> (Node, convolved: ValueID, picture: ValueID)? {
    for node in graph.nodes.reversed() where (node.op as? ElementwiseBinary)?.function == .add {
      for (a, b) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
        guard let index = producers[a.index], graph.nodes[index].op is Convolution,
          picture(b, graph, producers) != nil
        else { continue }
        return (node, a, b)
      }
    }
    return nil
  }

  /// The picture that a value is, or is padded from by reflection.
  private static func picture(_ value: ValueID, _ graph: Graph, _ producers: [Int?]) -> ValueID? {
    if graph.inputs.contains(value) { return value }
    guard let index = producers[value.index], case .grown? = (graph.nodes[index].op as? RaisedOperator)?.kind,
      graph.inputs.contains(graph.nodes[index].inputs[0])
    else { return nil }
    return graph.nodes[index].inputs[0]
  }

  /// The top left part that is cut from a value, if nothing else is done with it.
  private static func crop(of value: ValueID, _ graph: Graph) -> ValueID? {
    let users = graph.nodes.filter { $0.inputs.contains(value) }
    guard users.count == 1, case .part(let top, let left, _, _)? = (users[0].op as? RaisedOperator)?.kind, top == 0,
      left == 0
    else { return nil }
    return users[0].outputs[0]
  }
}
