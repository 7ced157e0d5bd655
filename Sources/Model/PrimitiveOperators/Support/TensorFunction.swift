import Tensors

/// An operator as a function of tensors that makes new ones: what nearly all of them are.
///
/// Sums are taken in double precision (integers in 64 bits, wrapping) and rounded once.
protocol TensorFunction: SelfAllocating {
  /// The types of the outputs. A size that only the values of an input decide is ``Facts/unknown(_:)``.
  func inferTypes(_ facts: Facts) throws -> [ValueType]

  /// The outputs. Throws `graph.value` when the inputs' values contradict each other, such as an index out of range, and
  /// `limit.exceeded` before anything too large is allocated.
  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor]

  /// What is known about the outputs' values when the inputs are known in part: sizes that a graph computes from
  /// shapes. Inputs that are known in full need no rule, they are evaluated.
  func propagate(_ facts: Facts) throws -> [KnownValue?]

  /// Whether the same inputs always give the same outputs.
  var isDeterministic: Bool { get }
}

extension TensorFunction {
  func propagate(_ facts: Facts) throws -> [KnownValue?] { [] }
  var isDeterministic: Bool { true }

  /// Holds the inputs to the operator's type rule before it computes: their values may be others than inference saw.
  package func evaluate(_ inputs: [Tensor?], _ context: PrimitiveContext, outputCount: Int) throws -> [Tensor] {
    let facts = Facts(
      inputs.map { $0.map { TensorFact($0) } }, InferenceContext(outputCount: outputCount),
      operatorName: String(describing: type(of: self)))
    for type in try inferTypes(facts) {
      try facts.check(type)
      let sizes = type.shape.compactMap(\.known)
      if sizes.count == type.shape.count { try Tensor.checkSize(type.dtype, sizes) }
    }
    return try evaluate(inputs)
  }

  /// The types, and the values where all inputs are known and everything is small.
  package func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact] {
    let facts = Facts(inputs, context, operatorName: String(describing: type(of: self)))
    let types = try inferTypes(facts)
    for type in types { try facts.check(type) }
    if isDeterministic, try isSmall(types, inputs) {
      return try zip(types, evaluate(inputs.map { $0?.constant ?? $0?.known })).map { type, value in
        TensorFact(type, constant: value, sizes: KnownValue.tensor(value).sizes)
      }
    }
    let values = try propagate(facts)
    return types.indices.map { i in
      let value = i < values.count ? values[i] : nil
      return TensorFact(types[i], constant: value?.tensor, sizes: value?.sizes ?? value?.laidOut?.elements)
    }
  }

  /// Whether every input is known and folding costs next to nothing.
  private func isSmall(_ types: [ValueType], _ inputs: [TensorFact?]) throws -> Bool {
    func isSmall(_ type: ValueType) throws -> Bool {
      let sizes = type.shape.compactMap(\.known)
      return try sizes.count == type.shape.count && Checked.product(sizes) <= Limits.maxFoldedElements
    }
    for input in inputs {
      guard let input else { continue }
      guard input.constant != nil || input.known != nil, try isSmall(input.type) else { return false }
    }
    return try types.allSatisfy(isSmall)
  }
}

extension TensorFact {
  /// The tensor that fully known sizes make.
  var known: Tensor? {
    guard sizes != nil, type.dtype == .int64 else { return nil }
    return KnownValue(self)?.tensor
  }
}

extension Limits {
  /// Axes of a value of a primitive graph.
  package static let maxPrimitiveRank = 16
  /// Elements of a value that is computed while types are inferred.
  package static let maxFoldedElements = 1024
}

/// What is known about an application of an operator before it is evaluated.
struct Facts {
  /// Types of the inputs; nil where one was left out.
  var inputs: [ValueType?]
  /// Values of the inputs, as far as they are known.
  var known: [KnownValue?]
  var context: InferenceContext
  /// The operator's name, for errors.
  var operatorName: String

  init(_ inputs: [TensorFact?], _ context: InferenceContext, operatorName: String) {
    self.inputs = inputs.map { $0?.type }
    known = inputs.map { $0.flatMap { KnownValue($0) } }
    self.context = context
    self.operatorName = operatorName
  }

  /// The rules alone, for an evaluation.
  init(_ operatorName: String, _ inputs: [Tensor?] = []) {
    self.init(inputs.map { $0.map { TensorFact(ValueType(of: $0)) } }, InferenceContext(), operatorName: operatorName)
  }

  /// A size that is not known before the values are.
  /// - Parameter part: tells the unknown sizes of a node apart, such as `axis1`.
  func unknown(_ part: String) -> Dimension { Dimension(symbol: "\(context.sizePrefix).\(part)") }

  /// The error for inputs on which the operator is not defined.
  func failure(_ what: String) -> EVSSMError {
    let types = inputs.map { $0?.description ?? "none" }.joined(separator: ", ")
    return EVSSMError("graph.type", "\(operatorName) \(what). Its inputs are (\(types)).")
  }

  /// Throws when no value can have this type.
  func check(_ type: ValueType) throws {
    try Limits.check(type.shape.count, atMost: Limits.maxPrimitiveRank, name: "max_rank", "The number of axes")
    guard type.shape.allSatisfy({ ($0.known ?? 0) >= 0 && ($0.known ?? 0) <= Limits.maxDimension }) else {
      throw failure("would give a result of shape \(type.shape)")
    }
    _ = try Checked.multiply(Checked.product(type.shape.compactMap(\.known)), 8, "The size of a result")
  }

  /// Whether input `index` is there.
  func has(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

  /// The type of input `index`, which must be there.
  func type(_ index: Int) throws -> ValueType {
    guard index < inputs.count, let type = inputs[index] else { throw failure("lacks input \(index)") }
    return type
  }

  /// The shape of input `index`.
  func shape(_ index: Int) throws -> [Dimension] { try type(index).shape }

  /// The shape of input `index`, which must have one of the given numbers of axes.
  func shape(_ index: Int, rank: ClosedRange<Int>) throws -> [Dimension] {
    let shape = try shape(index)
    guard rank.contains(shape.count) else {
      throw failure("needs \(rank.lowerBound) to \(rank.upperBound) axes on input \(index)")
    }
    return shape
  }

  /// The known value of input `index`.
  func value(_ index: Int) -> KnownValue? { index < known.count ? known[index] : nil }

  /// The known integers of input `index`.
  func integers(_ index: Int) -> [Int]? { value(index)?.integers }

  /// Throws unless input `index` is missing or holds floating-point numbers.
  func floating(_ index: Int) throws {
    guard has(index) else { return }
    guard try type(index).dtype.isFloatingPoint else { throw failure("needs floating-point numbers as input \(index)") }
  }

  /// Throws unless input `index` is missing or has the element type of input 0.
  func sameType(_ index: Int) throws {
    guard has(index) else { return }
    guard try type(index).dtype == type(0).dtype else { throw failure("needs input \(index) of the first one's type") }
  }

  /// `axis` counted from the front, for `rank` axes.
  func axis(_ axis: Int, rank: Int) throws -> Int {
    guard axis >= -rank, axis < rank else { throw failure("has axis \(axis), which \(rank) axes do not have") }
    return axis < 0 ? axis + rank : axis
  }

  /// `axes` counted from the front, none of them twice.
  func axes(_ axes: [Int], rank: Int) throws -> [Int] {
    guard axes.count <= rank else { throw failure("names \(axes.count) axes where there are \(rank)") }
    let result = try axes.map { try axis($0, rank: rank) }
    guard Set(result).count == result.count else { throw failure("names an axis twice: \(axes)") }
    return result
  }
}

extension Dimension {
  /// Whether the size depends on values that are not known before a graph runs.
  package var isUnknown: Bool { symbols.contains { $0.hasPrefix("?") } }
}

/// An operator's refusal of the values it was given.
func valueError(_ what: String) -> EVSSMError { EVSSMError("graph.value", what) }
