import GraphIR
import PrimitiveOperators
import Tensors

/// The fields of a body's values, given those of its inputs.
struct BodyFields {
  let body: Graph
  var fields: [ValueID: Field] = [:]
  /// The number of the iteration, in a Loop.
  var iteration: ValueID?
  /// The value that becomes the next state, and its field in terms of the old one.
  private(set) var newState: Field?

  init(_ body: Graph) { self.body = body }

  /// Evaluates the body; uses of the next state after it is made refer to it as ``Field/Leaf/newState``.
  mutating func run(_ evaluator: inout FieldEvaluator, state: ValueID) throws {
    let producers = body.producers
    let core = Self.core(of: state, body, producers)
    for node in body.nodes {
      guard let primitive = node.op as? Primitive, node.outputs.count == 1 else { continue }
      let output = node.outputs[0]
      let shape = body[output].type.shape
      guard var field = try value(node, primitive.call, shape, producers, &evaluator) else { continue }
      if output == core {
        newState = field
        field = evaluator.leaf(.newState, shape)
      }
      fields[output] = field
    }
  }

  private mutating func value(
    _ node: Node, _ call: PrimitiveCall, _ shape: [Dimension], _ producers: [Int?], _ evaluator: inout FieldEvaluator
  ) throws -> Field? {
    if let slice = try slice(node, call, shape, producers) { return slice }
    if call.type == "Slice", body[node.inputs[0]].type.shape == shape, isForward(node) { return fields[node.inputs[0]] }
    var inputs: [Field?] = []
    for id in node.inputs { inputs.append(field(id, &evaluator)) }
    return try evaluator.apply(call, inputs, shape: shape) { index in
      node.inputs.indices.contains(index)
        ? body.constant(node.inputs[index])?.doubles().map { Int(exactly: $0) ?? Int.max } : nil
    }
  }

  /// Whether a Slice has no steps but 1: with a result as large as its operand it takes all in order.
  private func isForward(_ node: Node) -> Bool {
    node.inputs.count < 5 || body.constant(node.inputs[4])?.doubles().allSatisfy { $0 == 1 } == true
  }

  mutating func field(_ id: ValueID, _ evaluator: inout FieldEvaluator) -> Field? {
    if let known = fields[id] { return known }
    guard let made = body.constant(id).flatMap({ evaluator.constant($0) }) else { return nil }
    fields[id] = made
    return made
  }

  /// What Gather or Slice reads at the present iteration from all positions.
  private func slice(_ node: Node, _ call: PrimitiveCall, _ shape: [Dimension], _ producers: [Int?]) throws -> Field? {
    guard let iteration, call.type == "Gather" || call.type == "Slice", node.inputs.count >= 2,
      let data = fields[node.inputs[0]], Self.core(of: node.inputs[1], body, producers) == iteration
    else { return nil }
    guard let axis = data.axes.firstIndex(where: { $0.contains(where: \.isPosition) }),
      data.axes[axis].allSatisfy(\.isPosition), data.axes.filter({ $0.contains(where: \.isPosition) }).count == 1
    else { return nil }
    let rank = data.axes.count
    var at: Int?
    if call.type == "Gather" {
      at = 0
      if let given = call.integer("axis") { at = given }
    } else if node.inputs.count >= 4 {
      at = body.constant(node.inputs[3])?.doubles().first.map { Int($0) }
    }
    guard let at, (at < 0 ? at + rank : at) == axis else { return nil }
    var axes = data.axes
    axes[axis] = []
    return try Field(axes: axes, terms: data.terms).reshaped(to: shape)
  }

  /// The value behind operators that only change a layout.
  static func core(of value: ValueID, _ graph: Graph, _ producers: [Int?]) -> ValueID {
    var value = value
    while let index = producers[value.index], let primitive = graph.nodes[index].op as? Primitive,
      ["Identity", "Reshape", "Squeeze", "Unsqueeze", "Cast", "Flatten"].contains(primitive.call.type)
    {
      value = graph.nodes[index].inputs[0]
    }
    return value
  }
}

extension Raiser {
  /// The field of a value of the source graph: a map, a constant, or what primitives make of them.
  mutating func field(_ value: ValueID, _ evaluator: inout FieldEvaluator, depth: Int = 0) throws -> Field? {
    if let view = try view(value) { return evaluator.map(view, self) }
    if let tensor = source.constant(value) { return evaluator.constant(tensor) }
    if let recurrence = scans.recurrences[value] { return states(value, recurrence, &evaluator) }
    // Without a bound, the ways through a graph would count, and not its nodes.
    scans.fieldVisits = depth == 0 ? 0 : scans.fieldVisits + 1
    guard depth < 24, scans.fieldVisits < 256, let index = sourceProducers[value.index] else { return nil }
    let node = source.nodes[index]
    guard let primitive = node.op as? Primitive, node.outputs.count == 1 else { return nil }
    var inputs: [Field?] = []
    for id in node.inputs.prefix(primitive.call.type == "Einsum" ? 4 : 2) {
      inputs.append(try field(id, &evaluator, depth: depth + 1))
    }
    return try evaluator.apply(primitive.call, inputs, shape: shape(value)) { index in
      node.inputs.indices.contains(index) ? ints(node.inputs[index]) : nil
    }
  }

  /// All positions of a state: (positions, the state's axes).
  private func states(
    _ value: ValueID, _ recurrence: Recurrence, _ evaluator: inout FieldEvaluator
  ) -> Field? {
    let size = type(recurrence.u).shape
    let positions = [FieldIndex.row(size[2]), .column(size[3])].filter { $0.size != 1 }
    var rest = evaluator.leaf(.states(value), Array(shape(value).dropFirst()))
    rest.axes.insert(positions, at: 0)
    return rest
  }

  /// The scan with everything that was read off, as a map.
  mutating func scan(_ recurrence: Recurrence, _ readout: Readout) throws -> ValueID {
    let decay = edit.constant("A", recurrence.decay)
    let skip = edit.constant("Ds", readout.skip)
    applied("the recurrence exp(ΔA)·h + ΔuB and ⟨h, C⟩ are a selective scan")
    return try addOne(
      SelectiveScan(), [recurrence.u, recurrence.delta, decay, recurrence.b, readout.c, skip])
  }

  /// The view of a scan's result: positions first, then one axis of channels among axes of size 1.
  func scanView(_ map: ValueID, _ shape: [Dimension]) -> MapView? {
    let size = type(map).shape
    let positions = [AxisDigit(axis: .row, size: size[2]), AxisDigit(axis: .column, size: size[3])]
    var axes: [[AxisDigit]] = [positions]
    for length in shape.dropFirst() {
      guard length == 1 || length == size[1] else { return nil }
      axes.append(length == 1 ? [] : [AxisDigit(axis: .channel, size: size[1])])
    }
    return axes.filter { $0.first?.axis == .channel }.count == 1 ? MapView(map: map, axes: axes) : nil
  }
}
