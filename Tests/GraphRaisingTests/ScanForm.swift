import GraphIR
import PrimitiveOperators
import TestSupport
import Tensors

/// One of the ways to write a selective scan in ONNX's operators.
struct ScanForm: Sendable, Hashable, CustomStringConvertible {
  enum Control: String, Sendable, CaseIterable { case scan, loop, stacked, scattered }
  enum Product: String, Sendable, CaseIterable { case stepInputFirst, stepWeightFirst, inputWeightFirst }
  enum Readout: String, Sendable, CaseIterable { case einsum, matrix, sum }
  enum Skip: String, Sendable, CaseIterable { case none, inside, outside }
  /// One mistake, which makes it another function.
  enum Flaw: String, Sendable, CaseIterable {
    case startsWithOnes, decaysTwice, readsOldState, doublesInput, readsSquare, decaysByWeight
    // Of scans that are written out:
    case readsNextInput, swapsResults, changesDecay
    // Of loops:
    case readsBackwards
  }

  var control = Control.scan
  var decayIsOutside = false
  var driveIsOutside = false
  var positionsFirst = true
  var product = Product.stepInputFirst
  var readout = Readout.einsum
  var skip = Skip.outside
  var flaw: Flaw?

  var description: String {
    let parts = [
      decayIsOutside ? "decays outside" : "", driveIsOutside ? "input outside" : "",
      positionsFirst ? "" : "positions last",
      product.rawValue, readout.rawValue, "skip \(skip.rawValue)", flaw.map { "flaw \($0.rawValue)" } ?? "",
    ]
    return ([control.rawValue] + parts.filter { !$0.isEmpty }).joined(separator: ", ")
  }

  /// Every control with every other choice at least once, and choices at random.
  static func samples(seed: UInt64, count: Int) -> [ScanForm] {
    var generator = SeededGenerator(seed: seed)
    func pick<Choice>(_ all: [Choice]) -> Choice {
      all[min(Int(generator.uniform() * Double(all.count)), all.count - 1)]
    }
    return (0..<count).map { index in
      ScanForm(
        control: Control.allCases[index % 4], decayIsOutside: pick([true, false]), driveIsOutside: pick([true, false]),
        positionsFirst: pick([true, false]), product: pick(Product.allCases), readout: pick(Readout.allCases),
        skip: pick(Skip.allCases))
    }
  }
}

/// Builds the graph of a form: picture → u, Δ, B, C by matrices → scan → map.
struct ScanFormBuilder {
  static let height = 3, width = 4, channels = 5, states = 3, pictureChannels = 4
  static let length = height * width

  let form: ScanForm
  private var outer = PrimitiveGraph()
  private var generator = SeededGenerator(seed: 11)

  init(_ form: ScanForm) { self.form = form }

  /// What a position reads.
  private enum Source: String, CaseIterable { case u, delta, b, c, decay, drive }

  private mutating func weights(_ count: Int, scale: Double = 1) -> [Float] {
    (0..<count).map { _ in Float((generator.uniform() - 0.5) * 2 * scale) }
  }

  mutating func graph() throws -> Graph {
    let (d, n, length) = (Self.channels, Self.states, Self.length)
    let size: [Dimension] = [1, Dimension(Self.pictureChannels), Dimension(Self.height), Dimension(Self.width)]
    let picture = outer.input("picture", ValueType(.float32, size))
    let decays = weights(d * n).map { -abs($0) - 0.1 }
    let direct = weights(d)
    var sources: [Source: (value: ValueID, axis: Int)] = [:]
    for (source, count) in [(Source.u, d), (.delta, d), (.b, n), (.c, n)] {
      let weight = try outer.floats([count, Self.pictureChannels, 1, 1], weights(count * Self.pictureChannels))
      var map = try outer.one("Conv", [picture, weight])
      if source == .delta { map = try outer.one("Softplus", [map]) }
      var rows = try outer.one("Reshape", [map, outer.ints([count, length])])
      if form.positionsFirst { rows = try outer.one("Transpose", [rows], ["perm": .ints([1, 0])]) }
      sources[source] = (rows, form.positionsFirst ? 0 : 1)
    }
    func first(_ source: Source) throws -> ValueID {
      guard let (value, axis) = sources[source] else { throw EVSSMError("test", "No \(source).") }
      return axis == 0 ? value : try outer.one("Transpose", [value], ["perm": .ints([1, 0])])
    }
    let a = try outer.floats([d, n], decays)
    if form.decayIsOutside {
      let step = try outer.one("Unsqueeze", [first(.delta), outer.ints([2])])
      sources[.decay] = (try outer.one("Exp", [outer.one("Mul", [step, a])]), 0)
    }
    if form.driveIsOutside {
      let all = try (u: first(.u), delta: first(.delta), b: first(.b))
      sources[.drive] = (try drive(&outer, all.u, all.delta, all.b, axis: 1), 0)
    }
    let y = try scanned(sources, decays, direct)
    var rows = y
    if form.skip == .outside, let u = sources[.u] {
      let shape = form.positionsFirst ? [d] : [d, 1]
      rows = try outer.one("Add", [y, outer.one("Mul", [u.value, outer.floats(shape, direct)])])
    }
    if form.positionsFirst { rows = try outer.one("Transpose", [rows], ["perm": .ints([1, 0])]) }
    let result = try outer.one("Reshape", [rows, outer.ints([1, d, Self.height, Self.width])])
    outer.graph.setOutputs([result])
    return outer.graph
  }

  /// Δ·u·B of (…, d), (…, d), (…, n) as (…, d, n); `axis` is that of the channels.
  private func drive(
    _ graph: inout PrimitiveGraph, _ u: ValueID, _ delta: ValueID, _ b: ValueID, axis: Int
  ) throws -> ValueID {
    func wide(_ value: ValueID, _ at: Int) throws -> ValueID { try graph.one("Unsqueeze", [value, graph.ints([at])]) }
    var result: ValueID
    switch form.product {
    case .stepInputFirst:
      result = try graph.one("Mul", [wide(graph.one("Mul", [delta, u]), axis + 1), wide(b, axis)])
    case .stepWeightFirst:
      result = try graph.one("Mul", [graph.one("Mul", [wide(delta, axis + 1), wide(b, axis)]), wide(u, axis + 1)])
    case .inputWeightFirst:
      result = try graph.one("Mul", [wide(delta, axis + 1), graph.one("Mul", [wide(b, axis), wide(u, axis + 1)])])
    }
    if form.flaw == .doublesInput { result = try graph.one("Mul", [result, graph.floats([], [2])]) }
    return result
  }

  /// One position: the new state (d, n) and the result (d).
  private func position(
    _ graph: inout PrimitiveGraph, _ slices: [Source: ValueID], _ h: ValueID, _ decays: [Float], _ direct: [Float]
  ) throws -> (state: ValueID, result: ValueID) {
    let (d, n) = (Self.channels, Self.states)
    guard let u = slices[.u], let delta = slices[.delta], let b = slices[.b], let c = slices[.c] else {
      throw EVSSMError("test", "A slice is missing.")
    }
    let axis1 = try graph.ints([1])
    var decay = slices[.decay]
    if decay == nil {
      var exponent = try graph.one("Mul", [graph.one("Unsqueeze", [delta, axis1]), graph.floats([d, n], decays)])
      if form.flaw == .decaysByWeight {
        exponent = try graph.one("Mul", [exponent, graph.one("Unsqueeze", [b, graph.ints([0])])])
      }
      decay = try graph.one("Exp", [exponent])
    }
    var kept = try graph.one("Mul", [decay, h])
    if form.flaw == .decaysTwice { kept = try graph.one("Mul", [decay, kept]) }
    let driven = try slices[.drive] ?? drive(&graph, u, delta, b, axis: 0)
    let state = try graph.one("Add", [kept, driven])
    let read = form.flaw == .readsOldState ? h : state
    var result: ValueID
    switch form.readout {
    case .einsum: result = try graph.one("Einsum", [read, c], ["equation": .string("dn,n->d")])
    case .matrix:
      result = try graph.one("Squeeze", [graph.one("MatMul", [read, graph.one("Unsqueeze", [c, axis1])]), axis1])
    case .sum:
      let products = try graph.one("Mul", [read, graph.one("Unsqueeze", [c, graph.ints([0])])])
      result = try graph.one("ReduceSum", [products, axis1], ["keepdims": .int(0)])
    }
    if form.flaw == .readsSquare { result = try graph.one("Mul", [result, result]) }
    if form.skip == .inside {
      result = try graph.one("Add", [result, graph.one("Mul", [u, graph.floats([d], direct)])])
    }
    return (state, result)
  }

  private mutating func scanned(
    _ sources: [Source: (value: ValueID, axis: Int)], _ decays: [Float], _ direct: [Float]
  ) throws -> ValueID {
    let (d, n) = (Self.channels, Self.states)
    let begin = [Float](repeating: form.flaw == .startsWithOnes ? 1 : 0, count: d * n)
    let zeros = try outer.floats([d, n], begin)
    let used = Source.allCases.compactMap { source in sources[source].map { (source, $0.value, $0.axis) } }
    let stateType = ValueType(.float32, [Dimension(d), Dimension(n)])
    var inner = PrimitiveGraph()
    switch form.control {
    case .scan:
      let h = inner.input("h", stateType)
      var slices: [Source: ValueID] = [:]
      for (source, value, axis) in used {
        var type = outer.type(value)
        type.shape.remove(at: axis)
        slices[source] = inner.input(source.rawValue, type)
      }
      let (state, result) = try position(&inner, slices, h, decays, direct)
      inner.graph.setOutputs([state, result])
      let axes = used.map(\.2)
      let attributes: [String: AttributeValue] = ["num_scan_inputs": .int(used.count), "scan_input_axes": .ints(axes)]
      let results = try outer.add(
        "Scan", [zeros] + used.map(\.1), attributes, bodies: [inner.graph], outputs: 2)
      return try laidOut(results[1])
    case .loop:
      let index = inner.input("index", ValueType(.int64, []))
      let condition = inner.input("condition", ValueType(.bool, []))
      let h = inner.input("h", stateType)
      var at = index
      if form.flaw == .readsBackwards {
        at = try inner.one("Sub", [inner.ints([Self.length - 1], isScalar: true), index])
      }
      var slices: [Source: ValueID] = [:]
      for (source, value, axis) in used {
        slices[source] = try inner.one(
          "Gather", [inner.input(source.rawValue, outer.type(value)), at], ["axis": .int(axis)])
      }
      let (state, result) = try position(&inner, slices, h, decays, direct)
      inner.graph.setOutputs([condition, state, result])
      let trips = try outer.ints([Self.length], isScalar: true)
      let results = try outer.add(
        "Loop", [trips, nil, zeros], bodies: [inner.graph], captures: used.map(\.1), outputs: 2)
      return try laidOut(results[1])
    case .stacked, .scattered: return try writtenOut(used, zeros, decays, direct)
    }
  }

  /// (L, d) as the other operands lie.
  private mutating func laidOut(_ rows: ValueID) throws -> ValueID {
    form.positionsFirst ? rows : try outer.one("Transpose", [rows], ["perm": .ints([1, 0])])
  }

  private mutating func writtenOut(
    _ used: [(Source, ValueID, Int)], _ zeros: ValueID, _ decays: [Float], _ direct: [Float]
  ) throws -> ValueID {
    var (h, results) = (zeros, [ValueID]())
    for l in 0..<Self.length {
      var slices: [Source: ValueID] = [:]
      for (source, value, axis) in used {
        let next = form.flaw == .readsNextInput && source == .u && l == 4
        let index = try outer.ints([next ? l + 1 : l], isScalar: true)
        slices[source] = try outer.one("Gather", [value, index], ["axis": .int(axis)])
      }
      let changed = form.flaw == .changesDecay && l == 5
      let own = changed ? decays.map { $0 * 1.2 } : decays
      let (state, result) = try position(&outer, slices, h, own, direct)
      h = state
      results.append(result)
    }
    if form.flaw == .swapsResults { results.swapAt(2, 3) }
    let axis = form.positionsFirst ? 0 : 1
    let columns = try results.map { try outer.one("Unsqueeze", [$0, outer.ints([axis])]) }
    if form.control == .stacked { return try outer.one("Concat", columns, ["axis": .int(axis)]) }
    let shape = form.positionsFirst ? [Self.length, Self.channels] : [Self.channels, Self.length]
    var y = try outer.floats(shape, [Float](repeating: 0, count: Self.length * Self.channels))
    for (l, column) in columns.enumerated() {
      let one = form.positionsFirst ? [1, Self.channels] : [Self.channels, 1]
      let indices = outer.graph.addConstant(
        "at\(l)", try Tensor(dtype: .int64, shape: one, integers: [Int64](repeating: Int64(l), count: Self.channels)))
      y = try outer.one("ScatterElements", [y, indices, column], ["axis": .int(axis)])
    }
    return y
  }
}
