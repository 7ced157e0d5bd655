import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// ONNX's Scan over all positions, with the selective scan's recurrence as its body.
struct ScanRule: RaisingRule {
  let types = ["Scan"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let primitive = site.node.op as? Primitive, let body = primitive.bodies.first,
      let scanned = site.call.integer("num_scan_inputs")
    else { return .notApplicable }
    let own = site.node.inputs.count - primitive.captureCount
    let states = own - scanned
    guard states == 1, scanned > 0 else { throw Mismatch("the Scan has \(states) states; a selective scan has one") }
    guard (site.call.integers("scan_input_directions") ?? []).allSatisfy({ $0 == 0 }),
      (site.call.integers("scan_output_directions") ?? []).allSatisfy({ $0 == 0 }),
      (site.call.integers("scan_output_axes") ?? []).allSatisfy({ $0 == 0 })
    else { throw Mismatch("the Scan runs backwards or stacks its results along another axis than the first") }
    var recogniser = ScanRecogniser(body)
    try recogniser.state(body.inputs[0], initial: site.node.inputs[0], raiser)
    let axes = site.call.integers("scan_input_axes") ?? [Int](repeating: 0, count: scanned)
    for index in 0..<scanned {
      try recogniser.scanned(body.inputs[1 + index], site.node.inputs[1 + index], axis: axes[index], &raiser)
    }
    for index in 0..<primitive.captureCount {
      try recogniser.captured(body.inputs[own + index], site.node.inputs[own + index], &raiser)
    }
    return try recogniser.finish(state: body.outputs[0], results: Array(body.outputs.dropFirst()), site, &raiser)
  }
}

/// A Loop over all positions that carries the state and reads its operands at the number of the iteration. Its results are
/// collected by the Loop, or written position by position into a tensor that it carries too.
struct LoopRule: RaisingRule {
  let types = ["Loop"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let primitive = site.node.op as? Primitive, let body = primitive.bodies.first else { return .notApplicable }
    let given = site.inputs.prefix(2).compactMap { $0 }.count
    let own = site.node.inputs.count - primitive.captureCount
    let carried = own - given
    guard (1...2).contains(carried), body.outputs.count >= 1 + carried, let trips = site.input(0) else {
      return .notApplicable
    }
    let written = try carried == 2 ? WrittenResult(body) : nil
    if carried == 2 && written == nil { return .notApplicable }
    let state = written.map { 1 - $0.carried } ?? 0
    var recogniser = ScanRecogniser(body)
    recogniser.fields.iteration = body.inputs[0]
    guard recogniser.goesOn(body.outputs[0], input: body.inputs[1]) else {
      throw Mismatch("the Loop may end before all positions are done")
    }
    try recogniser.state(body.inputs[2 + state], initial: site.node.inputs[given + state], raiser)
    for index in 0..<primitive.captureCount {
      try recogniser.captured(body.inputs[2 + carried + index], site.node.inputs[own + index], &raiser)
    }
    recogniser.trips = raiser.sizes(trips)?.first
    recogniser.written = written
    let results = Array(body.outputs.dropFirst(1 + carried))
    return try recogniser.finish(state: body.outputs[1 + state], results: results, site, &raiser)
  }
}

/// Reads the recurrence and what is given out off a body.
private struct ScanRecogniser {
  var fields: BodyFields
  var evaluator = FieldEvaluator()
  /// The number of iterations of a Loop, and the tensor into which it writes.
  var trips: Dimension?
  var written: WrittenResult?

  init(_ body: Graph) { fields = BodyFields(body) }

  mutating func state(_ input: ValueID, initial: ValueID, _ raiser: Raiser) throws {
    guard raiser.isZeros(initial) else { throw Mismatch("the state does not begin with zeros") }
    fields.fields[input] = evaluator.leaf(.state, raiser.shape(initial))
  }

  mutating func scanned(_ input: ValueID, _ value: ValueID, axis: Int, _ raiser: inout Raiser) throws {
    guard var field = try raiser.field(value, &evaluator) else {
      throw Mismatch("an operand of the Scan is not a map, nor a product or exponential of maps")
    }
    let at = axis < 0 ? axis + field.axes.count : axis
    guard field.positionAxis == at else {
      throw Mismatch("the Scan does not run over the positions of a map row by row")
    }
    field.axes.remove(at: at)
    fields.fields[input] = field
  }

  mutating func captured(_ input: ValueID, _ value: ValueID, _ raiser: inout Raiser) throws {
    if let field = try raiser.field(value, &evaluator) { fields.fields[input] = field }
  }

  /// Whether a Loop's condition is always true.
  func goesOn(_ output: ValueID, input: ValueID) -> Bool {
    if let constant = fields.body.constant(output) { return constant.doubles() == [1] }
    return BodyFields.core(of: output, fields.body, fields.body.producers) == input
  }

  mutating func finish(
    state: ValueID, results: [ValueID], _ site: RaisingSite, _ raiser: inout Raiser
  ) throws -> RaisingOutcome {
    try fields.run(&evaluator, state: state)
    guard let newState = fields.newState else {
      throw Mismatch("the body does more than multiply, add and take exponentials")
    }
    let recurrence = try Recurrence(newState, evaluator)
    let size = raiser.type(recurrence.u).shape
    if fields.iteration != nil {
      guard let trips, try trips == size[2].times(size[3]) else {
        throw Mismatch("the Loop does not run over all positions")
      }
    }
    var views: [MapView?] = [nil]
    if let written {
      let readout = try Readout(written.field(&fields, &evaluator), state: .newState, recurrence, evaluator)
      let view = try written.view(raiser.scan(recurrence, readout), raiser)
      views = written.carried == 0 ? [view, nil] : [nil, view]
    }
    for (result, output) in zip(results, site.node.outputs.dropFirst(views.count)) {
      guard let field = fields.field(result, &evaluator) else {
        views.append(nil)
        continue
      }
      if field.terms.count == 1, field.terms[0].factors.map(\.leaf) == [.newState] {
        raiser.scans.recurrences[output] = recurrence
        views.append(nil)
        continue
      }
      let readout = try Readout(field, state: .newState, recurrence, evaluator)
      let map = try raiser.scan(recurrence, readout)
      views.append(raiser.scanView(map, raiser.shape(output)))
    }
    return .raised(views)
  }
}

/// Results that are read from the states of all positions at once, outside the Scan.
struct ReadoutRule: RaisingRule {
  let types = ["ReduceSum", "Einsum", "MatMul"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard !raiser.scans.recurrences.isEmpty else { return .notApplicable }
    let output = site.node.outputs[0]
    var evaluator = FieldEvaluator()
    guard let field = try raiser.field(output, &evaluator),
      let state = field.terms.lazy.flatMap(\.factors).compactMap({ factor -> ValueID? in
        if case .states(let value) = factor.leaf { value } else { nil }
      }).first, let recurrence = raiser.scans.recurrences[state]
    else { return .notApplicable }
    let readout = try Readout(field, state: .states(state), recurrence, evaluator)
    let map = try raiser.scan(recurrence, readout)
    return .raised([raiser.view(map, field)])
  }
}

extension Raiser {
  /// The view of a map in the order of a field with one index of channels.
  fileprivate func view(_ map: ValueID, _ field: Field) -> MapView {
    let size = type(map).shape
    return MapView(
      map: map,
      axes: field.axes.map { indices in
        indices.map { index in
          switch index.id {
          case -1: AxisDigit(axis: .row, size: size[2])
          case -2: AxisDigit(axis: .column, size: size[3])
          default: AxisDigit(axis: .channel, size: size[1])
          }
        }
      })
  }
}
