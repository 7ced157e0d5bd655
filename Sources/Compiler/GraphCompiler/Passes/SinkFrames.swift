import GraphIR
import GraphRewriting
import Tensors

/// Every map is kept upright: changes of frame sink through the operators, which take them up in the orders of their
/// scans, the places of their windows and pads, and their kernels, until two meet and cancel.
struct SinkFrames: Pass {
  static let name = "sink-frames"
  /// A body sees windows upright already; a frame reaches it through its windows.
  static let entersRegions = false

  func edit(_ graph: Graph) throws -> Edit {
    var sweep = FrameSweep(graph: graph, edit: Edit(of: graph, pass: Self.name))
    for node in graph.nodes { try sweep.visit(node) }
    for output in graph.outputs { try sweep.finish(output) }
    return sweep.edit
  }
}

private struct FrameSweep {
  let graph: Graph
  var edit: Edit
  /// A value of the old graph is `frame` applied to an upright value; by default itself, upright.
  var upright: [ValueID: (value: ValueID, frame: Frame)] = [:]

  mutating func visit(_ node: Node) throws {
    let maps = node.inputs.filter { graph.constant($0) == nil }
    let states = maps.map { upright[$0] ?? ($0, .upright) }
    if let change = node.op as? ChangeFrame, let state = states.first {
      upright[node.outputs[0]] = (state.value, state.frame.composed(with: change.frame))
      edit.applied(node.name, "becomes part of the operators after it: \(state.frame.composed(with: change.frame))")
      return
    }
    if zip(maps, states).allSatisfy({ $0 == $1.value && $1.frame == .upright }) { return }
    guard let frame = try commonFrame(node, states.map(\.frame)) else {
      let inputs = try node.inputs.map { try materialised($0, for: node) }
      let results = try edit.add(node.op, inputs, name: node.name)
      for (old, new) in zip(node.outputs, results) { upright[old] = (new, .upright) }
      return
    }
    try rebuild(node, frame)
  }

  /// The frame that all inputs share, if the operator can take it up.
  private mutating func commonFrame(_ node: Node, _ frames: [Frame]) throws -> Frame? {
    guard let first = frames.first, frames.allSatisfy({ $0 == first }) else {
      edit.rejected(node.name, "its inputs are in different frames")
      return nil
    }
    guard node.op is any FrameEquivariant else {
      edit.rejected(node.name, "\(node.op.label) cannot take up a frame")
      return nil
    }
    return first
  }

  private mutating func rebuild(_ node: Node, _ frame: Frame) throws {
    guard let op = node.op as? any FrameEquivariant else { return }
    var inputs: [ValueID] = []
    for (index, id) in node.inputs.enumerated() {
      if let tensor = graph.constant(id), frame != .upright {
        inputs.append(edit.constant(graph[id].name, try op.reframed(tensor, input: index, by: frame)))
      } else {
        inputs.append(upright[id]?.value ?? id)
      }
    }
    let results = try edit.add(op.reframed(by: frame), inputs, name: node.name)
    for (old, new) in zip(node.outputs, results) { upright[old] = (new, frame) }
  }

  /// The value as it was, for an operator that cannot do without.
  private mutating func materialised(_ id: ValueID, for node: Node) throws -> ValueID {
    guard let state = upright[id] else { return id }
    if state.frame == .upright { return state.value }
    return try edit.addOne(ChangeFrame(state.frame), [state.value], name: "\(node.name).frame\(id.index)")
  }

  mutating func finish(_ output: ValueID) throws {
    guard let state = upright[output] else { return }
    var value = state.value
    if state.frame != .upright {
      value = try edit.addOne(ChangeFrame(state.frame), [value], name: "output\(output.index).frame")
      edit.rejected("output\(output.index)", "an output is \(state.frame) and is turned back")
    }
    if edit.current(output) != edit.current(value) { try edit.replace(output, with: value) }
  }
}
