import GraphIR
import GraphRewriting
import Tensors

/// A norm in front of windows becomes part of what is done to each window, which is where the network has it: a norm is per
/// pixel.
package struct RaiseWindowNorms: Pass {
  package init() {}

  package static let name = "raise-window-norms"
  package static let entersRegions = false

  package func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let producers = graph.producers
    for node in graph.nodes {
      guard let windows = node.op as? Windows, node.inputs.count == 1, let index = producers[node.inputs[0].index],
        graph.nodes[index].op is RMSNorm, let body = try Self.body(of: windows, behind: graph.nodes[index], graph)
      else { continue }
      let op = Windows(side: windows.side, frame: windows.frame, body: body)
      try edit.replace(node.outputs[0], with: edit.addOne(op, [graph.nodes[index].inputs[0]], name: node.name))
      edit.applied(node.name, "the norm in front of the windows is that of each window")
    }
    return edit
  }

  /// What is done to a window, with a norm before it. Nil when the norm has weights that are no constants.
  private static func body(of windows: Windows, behind norm: Node, _ graph: Graph) throws -> Graph? {
    guard windows.body.inputs.count == 1 else { return nil }
    var body = Graph()
    let old = windows.body.inputs[0]
    let window = body.addInput(windows.body[old].name, windows.body[old].type)
    var operands = [window]
    for weight in norm.inputs.dropFirst() {
      guard let tensor = graph.constant(weight) else { return nil }
      operands.append(body.addConstant(graph[weight].name, tensor))
    }
    var new = [old: try body.addOne(norm.op, operands, name: norm.name)]
    for node in windows.body.nodes {
      let operands = try body.operands(of: node, from: windows.body, &new)
      for (old, made) in zip(node.outputs, try body.add(node.op, operands, name: node.name)) { new[old] = made }
    }
    let outputs = windows.body.outputs.compactMap { new[$0] }
    guard outputs.count == windows.body.outputs.count else { return nil }
    body.setOutputs(outputs)
    return try body.ordered()
  }
}
