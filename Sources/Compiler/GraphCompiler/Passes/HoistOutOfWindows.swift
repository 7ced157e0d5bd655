import GraphIR
import GraphRewriting
import Tensors

/// What each pixel decides for itself is computed once a pixel, not once a window.
///
/// Operators at the beginning of a windows' body that are per pixel move before the windows. Operators at its end
/// that are per pixel, and affine in the one operand that is not known outside, move after the windows: averaging
/// commutes with affine functions.
struct HoistOutOfWindows: Pass {
  static let name = "hoist-out-of-windows"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    for node in graph.nodes {
      guard let windows = node.op as? Windows else { continue }
      var hoist = WindowsHoist(node: node, windows: windows)
      try hoist.moveBefore(&edit)
      hoist.moveAfter(&edit)
      if hoist.before + hoist.after > 0 { try hoist.rebuild(&edit) }
    }
    return edit
  }
}

/// One windows node being taken apart.
private struct WindowsHoist {
  let node: Node
  let windows: Windows
  /// Values of the body that are known outside, and what they are there.
  var outside: [ValueID: ValueID] = [:]
  /// Body nodes that stay.
  var staying: [Node] = []
  /// For each output of the body, the nodes that move after the windows, the last one first.
  var moved: [[Node]] = []
  /// For each output, the value of the body that the windows then give; nil if it is known outside.
  var ends: [ValueID?] = []
  var before = 0
  var after = 0

  var body: Graph { windows.body }

  init(node: Node, windows: Windows) {
    self.node = node
    self.windows = windows
  }

  mutating func moveBefore(_ edit: inout Edit) throws {
    for (inner, outer) in zip(body.inputs, node.inputs) { outside[inner] = outer }
    for inner in body.nodes {
      let values = inner.inputs.filter { body.constant($0) == nil }
      guard inner.op.isPerPixel, values.allSatisfy({ outside[$0] != nil }) else {
        if !inner.op.isPerPixel && values.allSatisfy({ outside[$0] != nil }) {
          edit.rejected(inner.name, "\(inner.op.label) is not per pixel and stays in the windows")
        }
        staying.append(inner)
        continue
      }
      let results = try edit.add(inner.op, inner.inputs.map { operand($0, &edit) }, name: inner.name)
      for (value, result) in zip(inner.outputs, results) { outside[value] = result }
      edit.applied(inner.name, "per pixel: moved before the windows of \(node.name)")
      before += 1
    }
  }

  mutating func moveAfter(_ edit: inout Edit) {
    let (producers, uses) = (body.producers, body.useCounts)
    for output in body.outputs {
      var end = output
      var chain: [Node] = []
      while outside[end] == nil, uses[end.index] == 1, let index = producers[end.index] {
        let inner = body.nodes[index]
        let open = inner.inputs.indices.filter {
          body.constant(inner.inputs[$0]) == nil && outside[inner.inputs[$0]] == nil
        }
        guard inner.outputs.count == 1, inner.op.isPerPixel, open.count == 1, inner.op.isAffine(inInput: open[0]) else {
          edit.rejected(inner.name, "\(inner.op.label) is not per pixel and affine, and stays in the windows")
          break
        }
        edit.applied(inner.name, "per pixel and affine: moved after the windows of \(node.name)")
        chain.append(inner)
        end = inner.inputs[open[0]]
        after += 1
      }
      moved.append(chain)
      ends.append(outside[end] == nil ? end : nil)
      if outside[end] != nil { outside[output] = outside[output] ?? outside[end] }
    }
  }

  func rebuild(_ edit: inout Edit) throws {
    let gone = Set(moved.joined().map(\.name))
    let results = try rebuildWindows(&edit, staying.filter { !gone.contains($0.name) })
    var next = results.makeIterator()
    for (index, (old, output)) in zip(node.outputs, body.outputs).enumerated() {
      var value: ValueID
      if ends[index] != nil, let result = next.next() {
        value = result
      } else if let known = outside[output] {
        value = known
      } else {
        continue
      }
      for (step, inner) in moved[index].enumerated().reversed() {
        let inputs = inner.inputs.map { id in
          body.constant(id) == nil && outside[id] == nil ? value : operand(id, &edit)
        }
        // The node whose result takes the windows' place takes their name.
        value = try edit.addOne(inner.op, inputs, name: step == 0 && index == 0 ? node.name : inner.name)
      }
      try edit.replace(old, with: value)
    }
  }

  private func rebuildWindows(_ edit: inout Edit, _ nodes: [Node]) throws -> [ValueID] {
    let outputs = ends.compactMap { $0 }
    if outputs.isEmpty { return [] }
    let produced = Set(nodes.flatMap(\.outputs))
    let needed = (nodes.flatMap(\.inputs) + outputs).filter { body.constant($0) == nil && !produced.contains($0) }
    var inputs: [ValueID] = []
    for id in needed where !inputs.contains(id) { inputs.append(id) }
    let rest = try Graph(values: body.values, inputs: inputs, outputs: outputs, nodes: nodes).ordered()
    let op = Windows(side: windows.side, frame: windows.frame, body: rest)
    let name = moved.first?.isEmpty == false ? node.name + ".windows" : node.name
    return try edit.add(op, inputs.compactMap { outside[$0] }, name: name)
  }

  /// A value of the body that is a constant or known outside.
  private func operand(_ id: ValueID, _ edit: inout Edit) -> ValueID {
    if let tensor = body.constant(id) { return edit.constant(body[id].name, tensor) }
    return outside[id] ?? id
  }
}
