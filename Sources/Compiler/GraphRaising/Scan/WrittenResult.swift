import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// A tensor that a Loop carries and writes one position of in every iteration, in order.
struct WrittenResult {
  /// Operators that are affine in an operand: what they make of the number of the iteration is told by two iterations.
  private static let affine: Set<String> = [
    "Add", "Sub", "Unsqueeze", "Squeeze", "Reshape", "Expand", "Concat", "Identity", "Tile", "Transpose",
  ]

  /// Which of the two carried values it is.
  let carried: Int
  /// The axis of the positions.
  let axis: Int
  private let updates: ValueID
  private let shape: [Dimension]
  private let body: Graph

  /// Nil when neither of two carried values is written so. Throws what evaluating the positions throws.
  init?(_ body: Graph) throws {
    let producers = body.producers
    for carried in 0..<2 {
      guard let index = producers[body.outputs[1 + carried].index], let primitive = body.nodes[index].op as? Primitive,
        ["ScatterND", "ScatterElements"].contains(primitive.call.type)
      else { continue }
      let inputs = body.nodes[index].inputs
      if let reduction = primitive.call.string("reduction"), reduction != "none" { continue }
      guard inputs.count == 3, inputs[0] == body.inputs[2 + carried] else { continue }
      let (base, updates) = (body[inputs[0]].type.shape, body[inputs[2]].type.shape)
      let places = try (0..<2).map { turn in
        try Self.evaluated(inputs[1], turn, body, producers).flatMap { primitive.call.written($0, base, updates) }
      }
      guard let first = places[0], let second = places[1], first.axis == second.axis, first.position == 0,
        second.position == 1
      else { continue }
      self.carried = carried
      axis = first.axis
      self.updates = inputs[2]
      shape = base.enumerated().map { $0.offset == first.axis ? 1 : $0.element }
      self.body = body
      return
    }
    return nil
  }

  /// An integer tensor in an iteration; nil unless it is affine in the number of the iteration.
  private static func evaluated(_ value: ValueID, _ turn: Int, _ body: Graph, _ producers: [Int?]) throws -> Tensor? {
    let number = try Tensor(dtype: .int64, shape: [], integers: [Int64(turn)])
    var known: [ValueID: Tensor] = [body.inputs[0]: number]
    for node in body.nodes(between: body.inputs[0], and: value, producers) {
      guard let primitive = node.op as? Primitive, affine.contains(primitive.call.type), node.outputs.count == 1 else {
        return nil
      }
      let operands = node.inputs.compactMap { known[$0] ?? body.constant($0) }
      guard operands.count == node.inputs.count,
        let result = try primitive.call.evaluated(primitive.primitive, operands).first
      else { return nil }
      known[node.outputs[0]] = result
    }
    return known[value]
  }

  /// What is written in an iteration, with an axis of size 1 for the positions. Throws ``Mismatch`` when it is not known.
  func field(_ fields: inout BodyFields, _ evaluator: inout FieldEvaluator) throws -> Field {
    guard let field = try fields.field(updates, &evaluator)?.reshaped(to: shape) else {
      throw Mismatch("what a Loop writes position by position does more than multiply and add")
    }
    return field
  }

  /// The view of a scan's result as the tensor. Throws ``Mismatch`` when it has other axes than positions and channels.
  func view(_ map: ValueID, _ raiser: Raiser) throws -> MapView {
    let size = raiser.type(map).shape
    let axes = try shape.enumerated().map { index, length -> [AxisDigit] in
      if index == axis { return [AxisDigit(axis: .row, size: size[2]), AxisDigit(axis: .column, size: size[3])] }
      if length == 1 { return [] }
      guard length == size[1] else {
        throw Mismatch("a Loop writes a tensor that has other axes than positions and channels")
      }
      return [AxisDigit(axis: .channel, size: size[1])]
    }
    return MapView(map: map, axes: axes)
  }
}

extension PrimitiveCall {
  /// The axis and the position that a scatter writes whole; nil when it writes anything else.
  func written(_ indices: Tensor, _ base: [Dimension], _ updates: [Dimension]) -> (axis: Int, position: Int)? {
    if type == "ScatterND" {
      guard let rectangle = ScatteredRectangle(indices, base) else { return nil }
      let axes = rectangle.lengths.indices.filter { Dimension(rectangle.lengths[$0]) != base[$0] }
      guard axes.count == 1, rectangle.lengths[axes[0]] == 1 else { return nil }
      return (axes[0], rectangle.starts[axes[0]])
    }
    var axis = 0
    if let given = integer("axis") { axis = given < 0 ? given + base.count : given }
    let expected = base.enumerated().map { $0.offset == axis ? 1 : $0.element }
    guard base.indices.contains(axis), updates == expected, indices.shape.map({ Dimension($0) }) == updates,
      let first = indices.doubles().first, indices.doubles().allSatisfy({ $0 == first }),
      let position = Int(exactly: first)
    else { return nil }
    guard position < 0 else { return (axis, position) }
    return base[axis].known.map { (axis, position + $0) }
  }
}
