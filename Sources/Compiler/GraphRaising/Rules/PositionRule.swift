import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// A scan whose loop was written out, position by position: values read at a position, what is done with them, and the results
/// put together again.
struct PositionsRule: RaisingRule {
  let types = [
    "Gather", "Slice", "Split", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Identity", "Cast", "Expand",
    "Mul", "Add", "Sub", "Neg", "Exp", "MatMul", "Einsum", "ReduceSum", "Concat", "ScatterElements", "ScatterND",
  ]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    // The evaluator is the raiser's own: it is handed over so that both can change.
    var evaluator = FieldEvaluator()
    swap(&evaluator, &raiser.scans.pointEvaluator)
    defer { swap(&evaluator, &raiser.scans.pointEvaluator) }
    switch site.call.type {
    case "Gather", "Slice", "Split":
      guard let fields = try selected(site, &raiser, &evaluator) else { return .notApplicable }
      for (output, field) in zip(site.node.outputs, fields) { raiser.scans.points[output] = field }
      return .raised(fields.map { _ in nil })
    case "Concat": return try joined(site, &raiser, evaluator)
    case "ScatterElements", "ScatterND": return try written(site, &raiser, evaluator)
    default:
      guard let field = try computed(site, &raiser, &evaluator) else { return .notApplicable }
      raiser.scans.points[site.node.outputs[0]] = field
      return .raised([nil])
    }
  }

  /// What single positions of a tensor are, one for each output.
  private func selected(
    _ site: RaisingSite, _ raiser: inout Raiser, _ evaluator: inout FieldEvaluator
  ) throws -> [Field]? {
    guard let input = site.input(0) else { return nil }
    let outputs = site.node.outputs
    if let point = raiser.scans.points[input] {
      // One of one.
      guard outputs.count == 1, let same = try point.reshaped(to: raiser.shape(outputs[0])) else { return nil }
      return [same]
    }
    guard let (axis, first) = Selection.read(site, raiser), let field = try raiser.wholeField(input, &evaluator),
      field.positionAxis == axis
    else { return nil }
    var fields: [Field] = []
    for (index, output) in outputs.enumerated() {
      guard let field = try field.at(first + index, axis: axis)?.reshaped(to: raiser.shape(output)) else { return nil }
      fields.append(field)
    }
    return fields
  }

  /// What a primitive makes of values at a position and constants.
  private func computed(
    _ site: RaisingSite, _ raiser: inout Raiser, _ evaluator: inout FieldEvaluator
  ) throws -> Field? {
    guard site.node.outputs.count == 1, site.node.inputs.contains(where: { raiser.scans.points[$0] != nil }) else {
      return nil
    }
    let isElementwise = ["Mul", "Add", "Sub", "MatMul", "Einsum"].contains(site.call.type)
    var inputs: [Field?] = []
    for id in isElementwise ? site.node.inputs : Array(site.node.inputs.prefix(1)) {
      guard let field = raiser.scans.points[id] ?? raiser.constantField(id, &evaluator) else { return nil }
      inputs.append(field)
    }
    let output = site.node.outputs[0]
    let field = try evaluator.apply(site.call, inputs, shape: raiser.shape(output)) { index in
      site.input(index).flatMap { raiser.ints($0) }
    }
    // Two terms are a state; more than a few are no part of a scan.
    guard let field, field.terms.count <= 4 else { return nil }
    guard site.call.type == "Add", let step = try ScanStep(field, raiser.scans.steps, evaluator) else { return field }
    raiser.scans.steps[output] = step
    let state = Field.Factor(leaf: .chain(output), indices: field.indices)
    return Field(axes: field.axes, terms: [Field.Term(factors: [state])])
  }

  /// The results of all positions along an axis of their own.
  private func joined(_ site: RaisingSite, _ raiser: inout Raiser, _ evaluator: FieldEvaluator) throws -> RaisingOutcome
  {
    let fields = site.inputs.compactMap { $0.flatMap { raiser.scans.points[$0] } }
    guard fields.count == site.inputs.count, let last = fields.last, var axis = site.call.integer("axis") else {
      return .notApplicable
    }
    if axis < 0 { axis += last.axes.count }
    return .one(try raiser.scanView(of: fields, axis: axis, evaluator))
  }

  /// The results of all positions, each written into its place by a node of its own.
  private func written(_ site: RaisingSite, _ raiser: inout Raiser, _ evaluator: FieldEvaluator) throws
    -> RaisingOutcome
  {
    guard site.call.string("reduction") ?? "none" == "none", let base = site.input(0), let updates = site.input(2),
      let field = raiser.scans.points[updates], let indices = raiser.constant(site.input(1)),
      let (axis, position) = site.call.written(indices, raiser.shape(base), raiser.shape(updates))
    else { return .notApplicable }
    let shaped = try field.reshaped(to: raiser.shape(base).enumerated().map { $0.offset == axis ? 1 : $0.element })
    guard let shaped else { return .notApplicable }
    let before = raiser.scans.partial[base]
    guard position == (before?.count ?? 0), before.map({ $0.axis == axis }) ?? true else {
      throw Mismatch("the results of positions are not written one after the other")
    }
    let output = site.node.outputs[0]
    raiser.scans.partial[output] = PartialResult(
      previous: before == nil ? nil : base, axis: axis, count: position + 1, field: shaped)
    guard raiser.shape(base)[axis].known == position + 1 else { return .raised([nil]) }
    return .one(try raiser.scanView(of: raiser.results(upTo: output), axis: axis, evaluator))
  }
}

/// A tensor into which the results of the first positions were written.
struct PartialResult {
  /// The tensor before the last of them was.
  var previous: ValueID?
  var axis: Int
  var count: Int
  /// The result of the last position, with an axis of size 1 for the positions.
  var field: Field
}

/// Which position of an axis a node reads.
private enum Selection {
  /// The axis and the position that the first output is; the others follow.
  static func read(_ site: RaisingSite, _ raiser: Raiser) -> (axis: Int, first: Int)? {
    guard let input = site.input(0) else { return nil }
    let shape = raiser.shape(input)
    func normal(_ axis: Int) -> Int? {
      let at = axis < 0 ? axis + shape.count : axis
      return shape.indices.contains(at) ? at : nil
    }
    switch site.call.type {
    case "Gather":
      guard let index = raiser.constant(site.input(1)), index.elementCount == 1, index.shape.count <= 1,
        let axis = normal(site.call.integer("axis") ?? 0), let position = Int(exactly: index.doubles()[0]),
        let size = shape[axis].known
      else { return nil }
      return (axis, position < 0 ? position + size : position)
    case "Split":
      guard let axis = normal(site.call.integer("axis") ?? 0), site.node.outputs.count > 1,
        site.node.outputs.count == shape[axis].known, site.node.outputs.allSatisfy({ raiser.shape($0)[axis] == 1 })
      else { return nil }
      return (axis, 0)
    default:
      let output = raiser.shape(site.node.outputs[0])
      let cut = shape.indices.filter { output[$0] != shape[$0] }
      guard cut.count == 1, output[cut[0]] == 1, let starts = site.input(1).flatMap({ raiser.ints($0) }),
        let size = shape[cut[0]].known
      else { return nil }
      let axes = (site.input(3).flatMap { raiser.ints($0) } ?? Array(starts.indices)).map { normal($0) }
      let steps = site.input(4).flatMap { raiser.ints($0) } ?? [Int](repeating: 1, count: starts.count)
      guard axes.count == starts.count, steps.count == starts.count, steps.allSatisfy({ $0 == 1 }),
        let at = axes.firstIndex(of: cut[0])
      else { return nil }
      let start = starts[at] < 0 ? starts[at] + size : starts[at]
      return (0..<size).contains(start) ? (cut[0], start) : nil
    }
  }
}

extension Raiser {
  private static let maxPositionsRead = 1 << 22

  /// The field of a tensor at all positions; kept, as every position is read from it.
  fileprivate mutating func wholeField(_ value: ValueID, _ evaluator: inout FieldEvaluator) throws -> Field? {
    if let known = scans.wholeFields[value] { return known }
    let field = try field(value, &evaluator)
    scans.wholeFields[value] = .some(field)
    return field
  }

  fileprivate mutating func constantField(_ value: ValueID, _ evaluator: inout FieldEvaluator) -> Field? {
    if let known = scans.wholeFields[value] { return known }
    guard let tensor = source.constant(value), let field = evaluator.constant(tensor) else { return nil }
    scans.wholeFields[value] = field
    return field
  }

  /// The view of the scan whose results the fields are, which lie along `axis`.
  fileprivate mutating func scanView(of fields: [Field], axis: Int, _ evaluator: FieldEvaluator) throws -> MapView? {
    // A tensor can be written anew at its last position again and again.
    scans.positionsRead += fields.count
    guard scans.positionsRead <= Self.maxPositionsRead, let last = fields.last, last.axes.indices.contains(axis),
      last.axes[axis].isEmpty,
      fields.allSatisfy({ $0.axes.map(\.isEmpty) == last.axes.map(\.isEmpty) }), last.indices.count == 1,
      let map = try scan(of: fields, evaluator)
    else { return nil }
    let size = type(map).shape
    var axes = last.axes.map { $0.map { _ in AxisDigit(axis: .channel, size: size[1]) } }
    axes[axis] = [AxisDigit(axis: .row, size: size[2]), AxisDigit(axis: .column, size: size[3])]
    return MapView(map: map, axes: axes)
  }

  /// The results of all positions that were written into a tensor.
  fileprivate func results(upTo value: ValueID) -> [Field] {
    var (fields, next) = ([Field](), Optional(value))
    while let at = next, let part = scans.partial[at] {
      fields.append(part.field)
      next = part.previous
    }
    return fields.reversed()
  }
}
