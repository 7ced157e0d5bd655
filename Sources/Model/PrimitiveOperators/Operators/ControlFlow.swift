import Tensors

extension Limits {
  /// Turns of one Loop, and elements that one Scan walks over.
  package static let maxLoopTurns = 1 << 24
}

/// One of two graphs, by a condition.
struct If: SelfAllocating {
  init(_ attributes: AttributeReader) throws {}

  func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact] {
    let facts = Facts(inputs, context, operatorName: "If")
    guard try facts.type(0).dtype == .bool, inputs.count == 1 + context.captureCount else {
      throw facts.failure("needs a truth value")
    }
    let captures = inputs.dropFirst().compactMap { $0 }
    if let condition = inputs[0]?.constant?.integers().first {
      return try context.region(condition != 0 ? 0 : 1, captures).enumerated().map { output, fact in
        TensorFact(context.exported(fact.type, output: output))
      }
    }
    let (first, second) = (try context.region(0, captures), try context.region(1, captures))
    guard first.count == second.count else { throw facts.failure("has branches with different outputs") }
    return try zip(first, second).enumerated().map { output, pair in
      let (a, b) = (pair.0.type, pair.1.type)
      guard a.dtype == b.dtype, a.shape.count == b.shape.count else {
        throw facts.failure("has branches whose outputs differ in element type or number of axes")
      }
      let shape = a.shape.indices.map {
        a.shape[$0] == b.shape[$0] ? a.shape[$0] : context.unknown(output: output, axis: $0)
      }
      return TensorFact(context.exported(ValueType(a.dtype, shape), output: output))
    }
  }

  func evaluate(_ inputs: [Tensor?], _ context: PrimitiveContext, outputCount: Int) throws -> [Tensor] {
    guard let condition = try inputs.required(0).integers().first else { throw valueError("If needs one truth value.") }
    return try context.region(condition != 0 ? 0 : 1, inputs.dropFirst().compactMap { $0 })
  }
}

extension InferenceContext {
  /// A type as it is seen outside: sizes that only a body knows by a name of its own are the node's unknown ones.
  func exported(_ type: ValueType, output: Int) -> ValueType {
    var type = type
    for axis in type.shape.indices
    where type.shape[axis].symbols.contains(where: { $0.hasPrefix("?") && !$0.hasPrefix(sizePrefix + ".") }) {
      type.shape[axis] = unknown(output: output, axis: axis)
    }
    return type
  }

  /// The types of a body's outputs, where values that go round may change their sizes: those become unknown.
  ///
  /// - Parameter carried: values that the body gets and gives again; its outputs `first` … hold them.
  func settled(
    _ carried: [ValueType], first: Int, _ body: ([ValueType]) throws -> [TensorFact]
  ) throws -> (carried: [ValueType], outputs: [TensorFact]) {
    var types = carried
    // Sizes that change become unknown, and if that does not settle it all do: nested loops take a bounded time.
    for attempt in 0..<3 {
      if attempt == 2 {
        for i in types.indices {
          for axis in types[i].shape.indices { types[i].shape[axis] = unknown(output: i, axis: axis) }
        }
      }
      let outputs = try body(types)
      var isStable = true
      for i in types.indices {
        guard first + i < outputs.count, outputs[first + i].type.dtype == types[i].dtype,
          outputs[first + i].type.shape.count == types[i].shape.count
        else {
          throw EVSSMError("graph.type", "A loop gives back a value of another element type or number of axes.")
        }
        for (axis, size) in outputs[first + i].type.shape.enumerated() where size != types[i].shape[axis] {
          let open = unknown(output: i, axis: axis)
          if types[i].shape[axis] != open { isStable = false }
          types[i].shape[axis] = open
        }
      }
      if isStable { return (types, outputs) }
    }
    throw EVSSMError("graph.type", "The sizes of a loop's values cannot be told.")
  }
}

/// A graph run again and again: at most so many times, and while a condition holds.
struct Loop: SelfAllocating {
  init(_ attributes: AttributeReader) throws {}

  func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact] {
    let facts = Facts(inputs, context, operatorName: "Loop")
    let count = inputs.count - 2 - context.captureCount
    guard count >= 0, count <= context.outputCount else { throw facts.failure("has too few inputs or outputs") }
    let initial = try (2..<2 + count).map(facts.type)
    let captures = inputs.suffix(context.captureCount).compactMap { $0 }
    let starts = inputs[1]?.constant?.integers().first ?? (inputs[1] == nil ? 1 : nil)
    let truth = try Tensor(dtype: .bool, shape: [], integers: [1])
    let condition = starts == 1 ? TensorFact(truth) : TensorFact(ValueType(.bool, []))
    let (carried, outputs) = try context.settled(initial, first: 1) { types in
      try context.region(0, [TensorFact(ValueType(.int64, [])), condition] + types.map { TensorFact($0) } + captures)
    }
    guard outputs.count == context.outputCount + 1, outputs[0].type.dtype == .bool else {
      throw facts.failure("has a body with \(outputs.count) outputs")
    }
    var turns = context.unknown(output: context.outputCount, axis: 0)
    if starts == 0 {
      turns = 0
    } else if starts == 1, outputs[0].constant?.integers().first == 1, let limit = facts.value(0)?.sizes?.first {
      turns = limit.known.map { Dimension(max($0, 0)) } ?? limit
    }
    let types = carried + outputs.dropFirst(1 + count).map { ValueType($0.type.dtype, [turns] + $0.type.shape) }
    return types.enumerated().map { TensorFact(context.exported($1, output: $0)) }
  }

  func evaluate(_ inputs: [Tensor?], _ context: PrimitiveContext, outputCount: Int) throws -> [Tensor] {
    let limit = inputs.integers(0)?.first
    var goesOn = inputs.optional(1)?.integers().first.map { $0 != 0 } ?? true
    let count = inputs.count - 2 - context.captureCount
    guard count >= 0, count <= outputCount else { throw valueError("A loop has too few inputs or outputs.") }
    var carried = try (2..<2 + count).map(inputs.required)
    let captures = inputs.suffix(context.captureCount).compactMap { $0 }
    var scans = (0..<outputCount - count).map { _ in StackedResults() }
    var turn = 0
    while goesOn, limit.map({ turn < $0 }) ?? true {
      try Limits.check(turn, atMost: Limits.maxLoopTurns, name: "max_loop_turns", "The number of turns of a loop")
      let numbers = [
        try Tensor(dtype: .int64, shape: [], integers: [Int64(turn)]),
        try Tensor(dtype: .bool, shape: [], integers: [1]),
      ]
      let results = try context.region(0, numbers + carried + captures)
      guard results.count == 1 + outputCount, let next = results[0].integers().first else {
        throw valueError("The body of a loop gives \(results.count) values.")
      }
      goesOn = next != 0
      carried = Array(results[1..<1 + count])
      for i in scans.indices { try scans[i].append(results[1 + count + i]) }
      turn += 1
    }
    if turn == 0, !scans.isEmpty {
      return try carried + emptyScans(inputs, context, outputCount - count)
    }
    return try carried + scans.map { try $0.tensor() }
  }

  /// What a loop without a turn collects: nothing of the shape that a turn would give, which only a turn can tell.
  private func emptyScans(_ inputs: [Tensor?], _ context: PrimitiveContext, _ count: Int) throws -> [Tensor] {
    let carried = try (2..<inputs.count - context.captureCount).map(inputs.required)
    let numbers = [
      try Tensor(dtype: .int64, shape: [], integers: [0]), try Tensor(dtype: .bool, shape: [], integers: [1]),
    ]
    let results = try context.region(0, numbers + carried + inputs.suffix(context.captureCount).compactMap { $0 })
    return try results.suffix(count).map { try Tensor(dtype: $0.dtype, shape: [0] + $0.shape) { _ in } }
  }
}

/// Results of the turns of a loop, one after the other.
struct StackedResults {
  private var parts: [Tensor] = []
  private var byteCount = 0

  mutating func append(_ part: Tensor) throws {
    if let first = parts.first, first.shape != part.shape || first.dtype != part.dtype {
      throw valueError("A loop gives values of shapes \(first.shape) and \(part.shape) in turn.")
    }
    byteCount = try Checked.add(byteCount, part.byteCount)
    try Limits.check(byteCount, atMost: Limits.maxValueBytes, name: "max_value_bytes", "The size of a result in bytes")
    parts.append(part)
  }

  /// The parts along a new axis.
  func tensor(axis: Int = 0, isReversed: Bool = false) throws -> Tensor {
    guard let first = parts.first else { throw valueError("A loop without a turn collects nothing.") }
    guard axis >= -first.shape.count - 1, axis <= first.shape.count else {
      throw valueError("There is no axis \(axis).")
    }
    let axis = axis < 0 ? axis + first.shape.count + 1 : axis
    var shape = first.shape
    shape.insert(parts.count, at: axis)
    let strides = Shapes.strides(shape)
    var others = strides
    others.remove(at: axis)
    return try Tensor(checked: first.dtype, shape: shape) { out in
      for (i, part) in (isReversed ? parts.reversed() : parts).enumerated() {
        Strided.scatter(part, into: out, strides: others, offset: i * strides[axis])
      }
    }
  }
}

/// A graph run on each slice of some inputs, with values that go round.
struct Scan: SelfAllocating {
  let scanned: Int
  let inputAxes, outputAxes: [Int]?
  let inputDirections, outputDirections: [Int]?

  init(_ attributes: AttributeReader) throws {
    scanned = try attributes.integer("num_scan_inputs", 0, in: 1...1024)
    let ranks = -Limits.maxPrimitiveRank...Limits.maxPrimitiveRank
    inputAxes = try attributes.integers("scan_input_axes", in: ranks)
    outputAxes = try attributes.integers("scan_output_axes", in: ranks)
    inputDirections = try attributes.integers("scan_input_directions", in: 0...1)
    outputDirections = try attributes.integers("scan_output_directions", in: 0...1)
  }

  func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact] {
    let facts = Facts(inputs, context, operatorName: "Scan")
    let states = inputs.count - scanned - context.captureCount
    guard states >= 0, states <= context.outputCount, (inputAxes?.count ?? scanned) == scanned,
      (inputDirections?.count ?? scanned) == scanned
    else { throw facts.failure("has too few inputs or outputs, or axes that do not fit them") }
    let captures = inputs.suffix(context.captureCount).compactMap { $0 }
    var length: Dimension?
    let slices = try (0..<scanned).map { i in
      var type = try facts.type(states + i)
      let axis = try facts.axis(inputAxes?[i] ?? 0, rank: type.shape.count)
      length = try length.map { try facts.same($0, type.shape[axis], "the scanned axes") } ?? type.shape[axis]
      type.shape.remove(at: axis)
      return TensorFact(type)
    }
    let (carried, outputs) = try context.settled(try (0..<states).map(facts.type), first: 0) { types in
      try context.region(0, types.map { TensorFact($0) } + slices + captures)
    }
    guard outputs.count == context.outputCount, (outputAxes?.count ?? outputs.count - states) == outputs.count - states,
      (outputDirections?.count ?? outputs.count - states) == outputs.count - states
    else { throw facts.failure("has a body with \(outputs.count) outputs") }
    let scans = try outputs.dropFirst(states).enumerated().map { i, fact in
      var type = fact.type
      type.shape.insert(length ?? 0, at: try facts.axis(outputAxes?[i] ?? 0, rank: type.shape.count + 1))
      return type
    }
    return (carried + scans).enumerated().map { TensorFact(context.exported($1, output: $0)) }
  }

  func evaluate(_ inputs: [Tensor?], _ context: PrimitiveContext, outputCount: Int) throws -> [Tensor] {
    let states = inputs.count - scanned - context.captureCount
    guard states >= 0, states <= outputCount,
      [inputAxes, inputDirections].allSatisfy({ ($0?.count ?? scanned) == scanned }),
      [outputAxes, outputDirections].allSatisfy({ ($0?.count ?? outputCount - states) == outputCount - states })
    else { throw valueError("A scan has too few inputs or outputs, or axes that do not fit them.") }
    var carried = try (0..<states).map(inputs.required)
    let sources = try (0..<scanned).map { i in
      let tensor = try inputs.required(states + i)
      return ScanSource(tensor, axis: try Facts("Scan").axis(inputAxes?[i] ?? 0, rank: tensor.shape.count))
    }
    let captures = inputs.suffix(context.captureCount).compactMap { $0 }
    let length = sources[0].length
    guard sources.allSatisfy({ $0.length == length }), length > 0 else {
      throw valueError("Scan walks over axes of sizes \(sources.map(\.length)).")
    }
    try Limits.check(length, atMost: Limits.maxLoopTurns, name: "max_loop_turns", "The number of turns of a scan")
    var results = (states..<outputCount).map { _ in StackedResults() }
    for turn in 0..<length {
      let slices = try sources.enumerated().map { i, source in
        try source[(inputDirections?[i] ?? 0) == 0 ? turn : length - 1 - turn]
      }
      let outputs = try context.region(0, carried + slices + captures)
      guard outputs.count == outputCount else { throw valueError("The body of a scan gives \(outputs.count) values.") }
      carried = Array(outputs[..<states])
      for i in results.indices { try results[i].append(outputs[states + i]) }
    }
    return try carried
      + results.enumerated().map { i, result in
        try result.tensor(axis: outputAxes?[i] ?? 0, isReversed: (outputDirections?[i] ?? 0) != 0)
      }
  }
}

/// A tensor by its slices along an axis.
struct ScanSource {
  private let tensor: Tensor
  private let axis: Int
  private let shape, strides: [Int]
  private let step: Int

  init(_ tensor: Tensor, axis: Int) {
    self.tensor = tensor
    self.axis = axis
    var (shape, strides) = (tensor.shape, Shapes.strides(tensor.shape))
    step = strides[axis]
    shape.remove(at: axis)
    strides.remove(at: axis)
    self.shape = shape
    self.strides = strides
  }

  var length: Int { tensor.shape[axis] }

  /// A slice; along the first axis it shares the tensor's memory.
  subscript(_ index: Int) -> Tensor {
    get throws {
      if axis == 0 {
        return try Tensor(
          dtype: tensor.dtype, shape: shape, storage: tensor.storage,
          byteOffset: tensor.byteOffset + index * step * tensor.dtype.byteCount)
      }
      return try Strided.gather(tensor, shape: shape, strides: strides, offset: index * step)
    }
  }
}
