import Tensors

/// The same elements in the same order under another shape.
struct Reshape: TensorFunction {
  let allowsZero: Bool

  init(_ attributes: AttributeReader) throws { allowsZero = try attributes.flag("allowzero") }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    var shape = try facts.shapeValue(1)
    for (axis, size) in shape.enumerated() where size.known == 0 && !allowsZero {
      guard axis < type.shape.count else { throw facts.failure("copies axis \(axis), which the input does not have") }
      shape[axis] = type.shape[axis]
    }
    guard shape.allSatisfy({ ($0.known ?? 0) >= -1 }) else { throw facts.failure("is asked for the shape \(shape)") }
    let open = shape.indices.filter { shape[$0].known == -1 }
    guard open.count <= 1 else { throw facts.failure("leaves two sizes open: \(shape)") }
    if let axis = open.first { shape[axis] = try rest(facts, from: type.shape, to: shape, axis: axis) }
    if let before = try count(type.shape), let after = try count(shape), before != after {
      throw facts.failure("cannot make the shape \(shape)")
    }
    return [ValueType(type.dtype, shape)]
  }

  private func count(_ shape: [Dimension]) throws -> Int? {
    let known = shape.compactMap(\.known)
    return known.count == shape.count ? try Checked.product(known, "The number of elements") : nil
  }

  /// The size of the one axis that was left open.
  private func rest(_ facts: Facts, from: [Dimension], to: [Dimension], axis: Int) throws -> Dimension {
    var others = to
    others.remove(at: axis)
    let (all, divisor) = (try facts.product(from, "all"), try facts.product(others, "others"))
    if let known = divisor.known {
      guard known > 0 else { throw facts.failure("leaves a size open beside a size of 0") }
      if let all = all.known, all % known != 0 { throw facts.failure("cannot make the shape \(to)") }
      return try all.dividedExactly(by: divisor) ?? all.dividedRoundingDown(by: known)
    }
    return try all.dividedExactly(by: divisor) ?? facts.unknown("axis\(axis)")
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    var shape = try inputs.required(1).integers().map { Int($0) }
    guard shape.count <= Limits.maxPrimitiveRank, shape.allSatisfy({ $0 >= -1 && $0 <= Limits.maxDimension }) else {
      throw valueError("Reshape is asked for the shape \(shape.prefix(16)).")
    }
    if !allowsZero {
      for axis in shape.indices where shape[axis] == 0 {
        guard axis < input.shape.count else { throw valueError("Reshape copies axis \(axis), which is not there.") }
        shape[axis] = input.shape[axis]
      }
    }
    if let axis = shape.firstIndex(of: -1) {
      shape[axis] = 1
      let others = try Checked.product(shape)
      guard others > 0, input.elementCount % others == 0 else { throw valueError("Reshape cannot make \(shape).") }
      shape[axis] = input.elementCount / others
    }
    return [try input.reshaped(shape)]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard case .sizes(let sizes, _)? = facts.value(0), let rank = facts.value(1)?.sizes?.count, rank <= 1 else {
      return try moved(facts)
    }
    return [.sizes(sizes, isScalar: rank == 0)]
  }
}

/// A matrix of the axes before `axis` by those from it on.
struct Flatten: TensorFunction {
  let axis: Int

  init(_ attributes: AttributeReader) throws { axis = try attributes.integer("axis", 1) }

  private func split(_ rank: Int) throws -> Int {
    guard axis >= -rank, axis <= rank else { throw valueError("Flatten has axis \(axis) for \(rank) axes.") }
    return axis < 0 ? axis + rank : axis
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let split = try split(type.shape.count)
    return [
      ValueType(
        type.dtype,
        [try facts.product(type.shape[..<split], "rows"), try facts.product(type.shape[split...], "columns")])
    ]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let split = try split(input.shape.count)
    return [
      try input.reshaped([try Checked.product(input.shape[..<split]), try Checked.product(input.shape[split...])])
    ]
  }
}

extension Facts {
  /// The product of sizes.
  func product(_ sizes: some Sequence<Dimension>, _ part: String) throws -> Dimension {
    do { return try Dimension.product(sizes) } catch let error as EVSSMError where error.code == "limit.exceeded" {
      return unknown(part)
    }
  }
}

/// Axes of size 1 taken out (Squeeze) or put in (Unsqueeze).
struct UnitAxes: TensorFunction {
  let inserts: Bool
  /// Axes given as an attribute, before opset 13.
  let fixed: [Int]?

  init(_ attributes: AttributeReader) throws {
    inserts = attributes.name == "Unsqueeze"
    fixed = try attributes.integers("axes")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    if facts.has(1), try facts.shape(1).count > 1 { throw facts.failure("needs a list of axes") }
    if let axes = fixed ?? facts.integers(1) { return [ValueType(type.dtype, try apply(axes, type.shape, facts))] }
    if facts.has(1) || inserts {
      guard try facts.shape(1).count == 1, let count = try facts.shape(1).first?.known else {
        throw facts.failure("needs a list of axes of known length")
      }
      let rank = type.shape.count + (inserts ? count : -count)
      guard rank >= 0, rank <= Limits.maxPrimitiveRank else { throw facts.failure("is given \(count) axes") }
      return [ValueType(type.dtype, (0..<rank).map { facts.unknown("axis \($0)") })]
    }
    guard type.shape.allSatisfy({ $0.known != nil }) else { throw facts.failure("needs axes where sizes are symbolic") }
    return [ValueType(type.dtype, type.shape.filter { $0.known != 1 })]
  }

  private func apply(_ axes: [Int], _ shape: [Dimension], _ facts: Facts) throws -> [Dimension] {
    if inserts {
      guard axes.count <= Limits.maxPrimitiveRank else { throw facts.failure("is given \(axes.count) axes") }
      let places = Set(try facts.axes(axes, rank: shape.count + axes.count))
      var rest = shape[...]
      return (0..<shape.count + axes.count).map { places.contains($0) ? 1 : rest.removeFirst() }
    }
    let places = Set(try facts.axes(axes, rank: shape.count))
    for axis in places where (shape[axis].known ?? 1) != 1 {
      throw facts.failure("takes out axis \(axis), whose size is \(shape[axis])")
    }
    return shape.indices.filter { !places.contains($0) }.map { shape[$0] }
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axes = fixed ?? inputs.integers(1)
    let facts = Facts(inserts ? "Unsqueeze" : "Squeeze", [input])
    let sizes = input.shape.map { Dimension($0) }
    let shape = try axes.map { try apply($0, sizes, facts).compactMap(\.known) } ?? input.shape.filter { $0 != 1 }
    return [try input.reshaped(shape)]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    try moved(facts)
  }
}

/// The input as it is; Dropout outside of training.
struct Identity: TensorFunction {
  private let outputCount: Int
  private let name: String

  init(_ attributes: AttributeReader) throws {
    outputCount = attributes.outputCount
    name = attributes.name
    if name == "Dropout" { attributes.ignore("seed", "ratio", "is_test") }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    return outputCount == 1 ? [type] : [type, ValueType(.bool, type.shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    if name == "Dropout", inputs.integers(2)?.first ?? 0 != 0, inputs.optional(1)?.doubles().first ?? 0.5 != 0 {
      throw valueError("Dropout in training is not supported; export the network for inference.")
    }
    if outputCount == 1 { return [input] }
    return [
      input, try Tensor(checked: .bool, shape: input.shape) { $0.initializeMemory(as: UInt8.self, repeating: 1) },
    ]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] { outputCount == 1 ? [facts.value(0)] : [] }
}
