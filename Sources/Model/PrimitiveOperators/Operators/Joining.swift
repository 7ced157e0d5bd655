import Tensors

/// Values one after the other along an axis.
struct Concat: TensorFunction {
  let axis: Int

  init(axis: Int) { self.axis = axis }

  init(_ attributes: AttributeReader) throws {
    guard let axis = try attributes.integer("axis") else { throw attributes.failure("needs attribute axis.") }
    self.axis = axis
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let types = try facts.inputs.indices.map(facts.type)
    guard let first = types.first else { throw facts.failure("needs an input") }
    let axis = try facts.axis(axis, rank: first.shape.count)
    guard types.allSatisfy({ $0.dtype == first.dtype && $0.shape.count == first.shape.count }) else {
      throw facts.failure("needs inputs of one element type and number of axes")
    }
    var shape = first.shape
    for type in types.dropFirst() {
      for i in shape.indices {
        shape[i] = try i == axis ? shape[i].plus(type.shape[i]) : facts.same(shape[i], type.shape[i], "axis \(i)")
      }
    }
    return [ValueType(first.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let all = try inputs.indices.map(inputs.required)
    guard let first = all.first else { throw valueError("Concat needs an input.") }
    let axis = axis < 0 ? axis + first.shape.count : axis
    var shape = first.shape
    shape[axis] = try all.reduce(0) { try Checked.add($0, $1.shape[axis]) }
    for tensor in all {
      for i in shape.indices where i != axis && tensor.shape[i] != shape[i] {
        throw valueError("Concat joins shapes \(shape) and \(tensor.shape) along axis \(axis).")
      }
    }
    let strides = Shapes.strides(shape)
    return [
      try Tensor(checked: first.dtype, shape: shape) { out in
        var start = 0
        for tensor in all {
          Strided.scatter(tensor, into: out, strides: strides, offset: start * strides[axis])
          start += tensor.shape[axis]
        }
      }
    ]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    let parts = facts.inputs.indices.compactMap { facts.value($0)?.sizes }
    return parts.count == facts.inputs.count ? [.sizes(parts.flatMap { $0 }, isScalar: false)] : []
  }
}

/// A value cut into parts along an axis.
struct Split: TensorFunction {
  let axis: Int
  let fixed: [Int]?
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", 0)
    fixed = try attributes.integers("split")
    outputCount = attributes.outputCount
    if let count = try attributes.integer("num_outputs"), count != outputCount {
      throw attributes.failure("has num_outputs \(count) and \(outputCount) outputs.")
    }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let axis = try facts.axis(axis, rank: type.shape.count)
    let sizes: [Dimension]
    if facts.has(1) || fixed != nil {
      sizes = try fixed?.map { Dimension($0) } ?? facts.shapeValue(1)
      guard sizes.count == outputCount, sizes.allSatisfy({ ($0.known ?? 0) >= 0 }) else {
        throw facts.failure("has \(outputCount) outputs and sizes \(sizes)")
      }
      let known = sizes.compactMap(\.known)
      if known.count == sizes.count, let size = type.shape[axis].known,
        try known.reduce(0, { try Checked.add($0, $1) }) != size
      {
        throw facts.failure("cuts a size of \(size) into \(known)")
      }
    } else {
      sizes = try equal(type.shape[axis])
    }
    return sizes.map { size in
      var shape = type.shape
      shape[axis] = size
      return ValueType(type.dtype, shape)
    }
  }

  /// Equal parts, the last smaller where the size is no multiple.
  private func equal(_ size: Dimension) throws -> [Dimension] {
    let part = try size.dividedRoundingUp(by: outputCount)
    let last = try size.minus(part.times(outputCount - 1))
    guard (last.known ?? 0) >= 0 else { throw valueError("Split cuts \(size) into \(outputCount) parts.") }
    return Array(repeating: part, count: outputCount - 1) + [last]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axis = axis < 0 ? axis + input.shape.count : axis
    let sizes = try fixed ?? inputs.integers(1) ?? equal(Dimension(input.shape[axis])).compactMap(\.known)
    guard sizes.count == outputCount, sizes.allSatisfy({ $0 >= 0 }),
      try sizes.reduce(0, { try Checked.add($0, $1) }) == input.shape[axis]
    else { throw valueError("Split cuts a size of \(input.shape[axis]) into \(sizes.prefix(16)).") }
    let strides = Shapes.strides(input.shape)
    var start = 0
    return try sizes.map { size in
      var shape = input.shape
      shape[axis] = size
      defer { start += size }
      return try Strided.gather(input, shape: shape, strides: strides, offset: start * strides[axis])
    }
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard let sizes = facts.value(0)?.sizes, facts.value(0)?.isScalar == false else { return [] }
    let parts = try inferTypes(facts).compactMap { $0.shape[0].known }
    guard parts.count == outputCount, parts.reduce(0, +) == sizes.count else { return [] }
    var rest = sizes[...]
    return parts.map { part in
      defer { rest = rest.dropFirst(part) }
      return .sizes(Array(rest.prefix(part)), isScalar: false)
    }
  }
}
