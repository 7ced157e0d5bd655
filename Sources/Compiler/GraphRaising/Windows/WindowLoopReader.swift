import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// Reads what a Loop's body does to a window of a map.
struct WindowLoopReader {
  /// What belongs to one of the ways to see the body.
  struct Parts {
    /// The captured value from which the window is cut, as a place among the captures.
    var capture: Int
    /// The window and what is made of it.
    var part, result: ValueID
    var top, left, bottom, right: SizeExpression
    /// The pads in front of and behind the result and the ones: top, left, bottom, right.
    var pads: [SizeExpression]
    /// The size of the ones.
    var ones: [SizeExpression]
    var channels: Dimension
  }

  let body: Graph
  private let producers: [Int?]
  private let reader: SizeReader
  private static let carriedInputs = 2

  /// - Parameter captured: the elements of those captured values that are integers and known.
  init(_ body: Graph, captured: [[SizeExpression]?]) {
    self.body = body
    producers = body.producers
    var known: [ValueID: [SizeExpression]] = [body.inputs[0]: [.iteration]]
    for (index, elements) in captured.enumerated() { known[body.inputs[4 + index]] = elements }
    reader = SizeReader(body, producers: producers, known: known)
  }

  /// Whether the condition is always true.
  var goesOn: Bool {
    if let constant = body.constant(body.outputs[0]) { return constant.doubles() == [1] }
    return BodyFields.core(of: body.outputs[0], body, producers) == body.inputs[1]
  }

  private func call(_ value: ValueID, _ types: String...) -> (node: Node, call: PrimitiveCall)? {
    guard let index = producers[value.index], let primitive = body.nodes[index].op as? Primitive,
      types.contains(primitive.call.type)
    else { return nil }
    return (body.nodes[index], primitive.call)
  }

  /// What is added to a carried value; nil when something else is done with it.
  private func added(_ carried: Int) -> ValueID? {
    guard let sum = call(body.outputs[1 + carried], "Add") else { return nil }
    let old = body.inputs[Self.carriedInputs + carried]
    for (a, b) in [(sum.node.inputs[0], sum.node.inputs[1]), (sum.node.inputs[1], sum.node.inputs[0])] where a == old {
      return b
    }
    return nil
  }

  /// The operand of a padding by zeros and its pads.
  private func padded(_ value: ValueID) throws -> (inside: ValueID, pads: [SizeExpression])? {
    guard let pad = call(value, "Pad"), pad.node.inputs.count >= 2, let pads = try reader.elements(pad.node.inputs[1]),
      pads.count == 8
    else { return nil }
    if let mode = pad.call.string("mode"), mode != "constant" { return nil }
    // Beyond pads: a fill that is zero, and no axes.
    let more = try pad.call.placed(pad.node.inputs).dropFirst(2)
    for case let fill? in more.prefix(1) where body.constant(fill)?.doubles() != [0] { return nil }
    guard more.dropFirst().allSatisfy({ $0 == nil }) else { return nil }
    return (pad.node.inputs[0], pads)
  }

  /// The body as one that adds a window's result to one carried value and ones to the other.
  func parts(sum: Int, cover: Int) throws -> Parts? {
    guard let result = try added(sum).flatMap(padded), let ones = try added(cover).flatMap(padded),
      result.pads == ones.pads, [0, 1, 4, 5].allSatisfy({ result.pads[$0].dimension == 0 }),
      body.fill(ones.inside, producers) == 1, let size = call(ones.inside, "Expand", "ConstantOfShape"),
      let onesSize = try reader.elements(size.node.inputs[size.call.type == "Expand" ? 1 : 0]), onesSize.count == 4,
      let part = windows(result.inside), body[result.inside].type.shape.count == 4,
      let slice = call(part, "Slice"), let bounds = try bounds(slice.node, slice.call)
    else { return nil }
    guard let input = body.inputs.firstIndex(of: slice.node.inputs[0]), input >= 4 else { return nil }
    return Parts(
      capture: input - 4, part: part, result: result.inside, top: bounds[0], left: bounds[1], bottom: bounds[2],
      right: bounds[3], pads: [2, 3, 6, 7].map { result.pads[$0] }, ones: onesSize,
      channels: body[result.inside].type.shape[1])
  }

  /// Top, left, bottom and right of a slice of the last two axes.
  private func bounds(_ node: Node, _ call: PrimitiveCall) throws -> [SizeExpression]? {
    let inputs = try call.placed(node.inputs)
    guard inputs.count >= 4, let starts = inputs[1], let ends = inputs[2], let axes = inputs[3],
      [[2, 3], [-2, -1]].contains(body.constant(axes)?.doubles() ?? []),
      inputs.count < 5 || inputs[4].map({ body.constant($0)?.doubles() == [1, 1] }) ?? true,
      let first = try reader.elements(starts), let end = try reader.elements(ends), first.count == 2, end.count == 2
    else { return nil }
    return first + end
  }

  /// The one part of a captured value from which a result is made; nil when the result reads anything else.
  private func windows(_ result: ValueID) -> ValueID? {
    var (pending, seen, parts) = ([result], Set<ValueID>(), Set<ValueID>())
    while let next = pending.popLast() {
      guard body.constant(next) == nil, seen.insert(next).inserted else { continue }
      if let slice = call(next, "Slice"), body.inputs.contains(slice.node.inputs[0]) {
        parts.insert(next)
      } else if let index = producers[next.index] {
        pending += body.nodes[index].inputs
      } else {
        return nil
      }
    }
    return parts.count == 1 ? parts.first : nil
  }

  /// The side of the windows with which the parts lie and are put back as they should; nil when there is none.
  func side(_ found: Parts, _ size: [Dimension], _ candidates: [Int], _ trips: SizeExpression?) throws -> Int? {
    for side in candidates.prefix(64) {
      let (rows, columns) = (try WindowAxis(size: size[2], side: side), try WindowAxis(size: size[3], side: side))
      let top = try rows.start(SizeExpression.iteration.dividedRoundingDown(by: columns.count))
      let left = try columns.start(SizeExpression.iteration.remainder(by: columns.count))
      guard try trips == rows.count.times(columns.count), found.top == top, found.left == left,
        try found.bottom == top.plus(rows.length), try found.right == left.plus(columns.length),
        try found.pads == [top, left, rows.last.minus(top), columns.last.minus(left)],
        found.ones == [SizeExpression(1), SizeExpression(1), rows.length, columns.length]
      else { continue }
      return side
    }
    return nil
  }

  /// What is done to a window, on one of any size. Throws ``Mismatch`` when it depends on more than the window.
  func windowBody(_ found: Parts, _ type: ValueType) throws -> Graph {
    var graph = Graph()
    let window = ValueType.map(type.dtype, type.shape[1], Windows.windowHeight, Windows.windowWidth)
    var new: [ValueID: ValueID] = [found.part: graph.addInput("window", window)]
    for node in body.nodes(between: found.part, and: found.result, producers) {
      let operands = try graph.operands(
        of: node, from: body, &new, reason: "what is done to a window reads more than the window")
      for (old, made) in zip(node.outputs, try graph.add(node.op, operands, name: node.name)) { new[old] = made }
    }
    guard let result = new[found.result] else { throw Mismatch("nothing is done to the windows") }
    graph.setOutputs([result])
    return try graph.ordered()
  }
}

extension Graph {
  /// The nodes that make `result`, in order, without those that make `part`.
  func nodes(between part: ValueID, and result: ValueID, _ producers: [Int?]) -> [Node] {
    var (pending, indices) = ([result], Set<Int>())
    while let next = pending.popLast() {
      guard next != part, let index = producers[next.index], indices.insert(index).inserted else { continue }
      pending += nodes[index].inputs
    }
    return indices.sorted().map { nodes[$0] }
  }
}
