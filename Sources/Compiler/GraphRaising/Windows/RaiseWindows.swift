import GraphIR
import GraphRewriting
import Tensors

/// Windows that were written out one by one: parts of a map, the same done to each, put back into their places, summed, and
/// divided by the number of windows that cover each pixel.
package struct RaiseWindows: Pass {
  package init() {}

  /// The passes that raise what is done to a window.
  static let regionPasses: [any Rewrite] = [RaisePrimitives(), RaiseSplits(), RaiseForms()]

  package static let name = "raise-windows"
  package static let entersRegions = false

  package func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let reader = WindowReader(graph)
    for node in graph.nodes {
      guard (node.op as? RaisedOperator)?.kind == .binary("Mul"), let cover = graph.constant(node.inputs[1]),
        let windows = reader.contributions(node.inputs[0]), windows.count > 1
      else { continue }
      do {
        let raised = try reader.windows(windows, like: graph[node.outputs[0]].type, cover: cover)
        try edit.replace(
          node.outputs[0], with: edit.addOne(raised.op, [raised.source], name: node.name))
        edit.applied(node.name, "\(windows.count) parts of a map are windows of side \(raised.op.side), averaged")
      } catch let mismatch as Mismatch {
        edit.rejected(node.name, mismatch.reason)
      }
    }
    return edit
  }
}

/// A window's result and where it is put.
private struct WindowResult {
  var top, left: Int
  var value: ValueID
}

private struct WindowReader {
  let graph: Graph
  let producers: [Int?]

  init(_ graph: Graph) {
    self.graph = graph
    producers = graph.producers
  }

  private func node(_ value: ValueID) -> Node? { producers[value.index].map { graph.nodes[$0] } }
  private func kind(_ value: ValueID) -> RaisedOperator.Kind? { (node(value)?.op as? RaisedOperator)?.kind }

  /// The results of which a value is the sum, each at its place.
  func contributions(_ value: ValueID) -> [WindowResult]? {
    var pending = [value]
    var out: [WindowResult] = []
    while let next = pending.popLast() {
      guard out.count <= 4096, let node = node(next) else { return nil }
      if (node.op as? ElementwiseBinary)?.function == .add {
        pending += node.inputs
        continue
      }
      switch kind(next) {
      case .filled(0, _): continue
      case .placed(let top, let left, _, _):
        guard let top = top.known, let left = left.known else { return nil }
        out.append(WindowResult(top: top, left: left, value: node.inputs[0]))
      case .overwritten(let top, let left):
        guard let top = top.known, let left = left.known,
          let added = added(to: node.inputs[0], by: node.inputs[1], top, left)
        else { return nil }
        out.append(WindowResult(top: top, left: left, value: added))
        pending.append(node.inputs[0])
      default: return nil
      }
    }
    return out
  }

  /// What is added where `part` overwrites a rectangle of `base` by its sum with what was there.
  private func added(to base: ValueID, by part: ValueID, _ top: Int, _ left: Int) -> ValueID? {
    if case .filled(0, _) = kind(base) { return part }
    guard let sum = node(part), (sum.op as? ElementwiseBinary)?.function == .add else { return nil }
    for (old, new) in [(sum.inputs[0], sum.inputs[1]), (sum.inputs[1], sum.inputs[0])] {
      if case .part(let t, let l, _, _) = kind(old), t.known == top, l.known == left, node(old)?.inputs[0] == base {
        return new
      }
    }
    return nil
  }

  /// The operator for a set of results. Throws ``Mismatch`` where they are not those of windows.
  func windows(
    _ results: [WindowResult], like type: ValueType, cover: Tensor
  ) throws -> (op: Windows, source: ValueID) {
    guard let height = type.shape[2].known, let width = type.shape[3].known,
      let h = graph[results[0].value].type.shape[2].known, let w = graph[results[0].value].type.shape[3].known
    else { throw Mismatch("windows are recognised in graphs for one size") }
    let side = max(h, w)
    let expected = try WindowRectangle.windows(height: height, width: width, side: side, frame: .upright)
    let sorted = results.sorted { ($0.top, $0.left) < ($1.top, $1.left) }
    let found = sorted.map { WindowRectangle(top: $0.top, left: $0.left, height: h, width: w) }
    guard found == expected.sorted(by: { ($0.top, $0.left) < ($1.top, $1.left) }) else {
      throw Mismatch("the parts do not lie as windows of side \(side) do")
    }
    try check(cover, expected, height, width)
    let first = try WindowBody(sorted[0].value, at: found[0], graph, producers)
    for (result, place) in zip(sorted, found).dropFirst() {
      guard first.matches(try WindowBody(result.value, at: place, graph, producers)) else {
        throw Mismatch("what is done to the windows differs")
      }
    }
    return (Windows(side: side, body: try first.graph()), first.source)
  }

  /// Whether each pixel is divided by the number of windows that cover it.
  private func check(_ cover: Tensor, _ windows: [WindowRectangle], _ height: Int, _ width: Int) throws {
    let values = cover.doubles()
    guard values.count == height * width else { throw Mismatch("the sums are not divided pixel by pixel") }
    var counts = [Double](repeating: 0, count: height * width)
    for window in windows {
      for row in window.top..<window.top + window.height {
        for column in window.left..<window.left + window.width { counts[row * width + column] += 1 }
      }
    }
    guard zip(values, counts).allSatisfy({ isClose($0 * $1, 1) }) else {
      throw Mismatch("the sums are not divided by the number of windows")
    }
  }
}

/// What is done to one window: the nodes between the part that is cut out and the result.
private struct WindowBody {
  let outer: Graph
  let producers: [Int?]
  let result: ValueID
  let part: ValueID
  let source: ValueID
  /// In the order of the graph.
  let nodes: [Node]

  init(_ result: ValueID, at place: WindowRectangle, _ graph: Graph, _ producers: [Int?]) throws {
    outer = graph
    self.producers = producers
    self.result = result
    var indices: Set<Int> = []
    var pending = [result]
    var parts: Set<ValueID> = []
    while let value = pending.popLast() {
      if graph.constant(value) != nil { continue }
      guard let index = producers[value.index] else {
        throw Mismatch("what is done to a window reads more than the window")
      }
      let node = graph.nodes[index]
      if case .part(let top, let left, let height, let width)? = (node.op as? RaisedOperator)?.kind {
        let found = [top, left, height, width].map(\.known)
        guard found == [place.top, place.left, place.height, place.width] else {
          throw Mismatch("a window's result does not come from the window at its place")
        }
        parts.insert(value)
      } else if indices.insert(index).inserted {
        pending += node.inputs
      }
    }
    guard parts.count == 1, let part = parts.first, let producer = producers[part.index] else {
      throw Mismatch("a window's result does not come from one part of a map")
    }
    self.part = part
    source = graph.nodes[producer].inputs[0]
    nodes = indices.sorted().map { graph.nodes[$0] }
  }

  /// Whether the same is done: the same operators on the same constants in the same structure.
  func matches(_ other: WindowBody) -> Bool {
    guard source == other.source, nodes.count == other.nodes.count else { return false }
    var partner: [ValueID: ValueID] = [part: other.part]
    for (a, b) in zip(nodes, other.nodes) {
      guard a.op.label == b.op.label, a.op.attributes == b.op.attributes, a.inputs.count == b.inputs.count,
        a.outputs.count == b.outputs.count
      else { return false }
      for (x, y) in zip(a.inputs, b.inputs) {
        if let p = outer.constant(x), let q = outer.constant(y) {
          guard p.hasSameValues(as: q) else { return false }
        } else if partner[x] != y {
          return false
        }
      }
      for (x, y) in zip(a.outputs, b.outputs) { partner[x] = y }
    }
    return partner[result] == other.result
  }

  /// The body on a window of any size.
  func graph() throws -> Graph {
    var body = Graph()
    let type = outer[part].type
    let input = body.addInput(
      "window", .map(type.dtype, type.shape[1], Windows.windowHeight, Windows.windowWidth))
    var new: [ValueID: ValueID] = [part: input]
    for node in nodes {
      let operands = node.inputs.map { id in
        if let known = new[id] { return known }
        guard let tensor = outer.constant(id) else { return input }
        let constant = body.addConstant(outer[id].name, tensor)
        new[id] = constant
        return constant
      }
      for (old, result) in zip(node.outputs, try body.add(node.op, operands, name: node.name)) { new[old] = result }
    }
    body.setOutputs([new[result] ?? input])
    return try body.ordered()
  }
}

extension Tensor {
  /// Whether type, shape and bytes are the same.
  func hasSameValues(as other: Tensor) -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    if storage === other.storage && byteOffset == other.byteOffset { return true }
    return withUnsafeBytes { a in other.withUnsafeBytes { b in a.elementsEqual(b) } }
  }
}
