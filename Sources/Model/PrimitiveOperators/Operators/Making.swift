import Tensors

/// A tensor that is part of the graph.
struct Constant: TensorFunction {
  let value: Tensor

  init(_ attributes: AttributeReader) throws {
    if let tensor = try attributes.tensor("value") {
      value = tensor
    } else if let real = try attributes.real("value_float") {
      value = try Tensor(dtype: .float32, shape: [], reals: [real])
    } else if let reals = try attributes.reals("value_floats") {
      value = try Tensor(dtype: .float32, shape: [reals.count], reals: reals)
    } else if let integer = try attributes.integer("value_int") {
      value = try Tensor(dtype: .int64, shape: [], integers: [Int64(integer)])
    } else if let integers = try attributes.integers("value_ints") {
      value = try Tensor(dtype: .int64, shape: [integers.count], integers: integers.map { Int64($0) })
    } else {
      throw attributes.failure("has no value of a kind that is supported.")
    }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] { [ValueType(of: value)] }
  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] { [value] }
  func propagate(_ facts: Facts) throws -> [KnownValue?] { [.tensor(value)] }
}

/// One value in every element of a shape.
struct ConstantOfShape: TensorFunction {
  let value: Tensor

  init(_ attributes: AttributeReader) throws {
    value = try attributes.tensor("value") ?? Tensor(dtype: .float32, shape: [], reals: [0])
    guard value.elementCount == 1 else { throw attributes.failure("needs one value.") }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let shape = try facts.shapeValue(0)
    guard shape.allSatisfy({ ($0.known ?? 0) >= 0 }) else { throw facts.failure("is asked for the shape \(shape)") }
    return [ValueType(value.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let shape = try inputs.shape(0)
    return [try Strided.gather(value, shape: shape, strides: [Int](repeating: 0, count: shape.count))]
  }
}

/// The shape of a value, or a part of it, or the number of its elements.
struct ShapeOf: TensorFunction {
  let isCount: Bool
  let start: Int
  let end: Int?

  init(_ attributes: AttributeReader) throws {
    isCount = attributes.name == "Size"
    start = try attributes.integer("start", 0)
    end = try attributes.integer("end")
  }

  private func part<Size>(_ shape: [Size]) -> [Size] {
    let range = SliceRange(size: shape.count, start: start, end: end ?? shape.count, step: 1)
    return Array(shape[range.first..<range.first + range.count])
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    [ValueType(.int64, isCount ? [] : [Dimension(part(try facts.shape(0)).count)])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    if isCount { return [try Tensor(dtype: .int64, shape: [], integers: [Int64(input.elementCount)])] }
    let sizes = part(input.shape).map { Int64($0) }
    return [try Tensor(dtype: .int64, shape: [sizes.count], integers: sizes)]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    let shape = try facts.shape(0)
    if !isCount { return [.sizes(part(shape), isScalar: false)] }
    let count = try facts.product(shape, "count")
    return count.isUnknown ? [] : [.sizes([count], isScalar: true)]
  }
}

/// Numbers from a start in equal steps, up to and without a limit.
struct Range: TensorFunction {
  init(_ attributes: AttributeReader) throws { attributes.ignore("stash_type") }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard try (0...2).allSatisfy({ try facts.type($0).dtype == type.dtype }), type.dtype != .bool else {
      throw facts.failure("needs three numbers of one type")
    }
    if let start = facts.value(0)?.tensor, let limit = facts.value(1)?.tensor, let delta = facts.value(2)?.tensor {
      return [ValueType(type.dtype, [Dimension(try Self.count(start, limit, delta))])]
    }
    if let start = facts.value(0)?.sizes?.first, let limit = facts.value(1)?.sizes?.first,
      let delta = facts.integers(2)?.first, delta > 0
    {
      return [ValueType(type.dtype, [try limit.minus(start).dividedRoundingUp(by: delta)])]
    }
    return [ValueType(type.dtype, [facts.unknown("count")])]
  }

  static func count(_ start: Tensor, _ limit: Tensor, _ delta: Tensor) throws -> Int {
    guard start.elementCount == 1, limit.elementCount == 1, delta.elementCount == 1 else {
      throw valueError("Range needs three scalars.")
    }
    let (first, last, step) = (start.doubles()[0], limit.doubles()[0], delta.doubles()[0])
    let count = ((last - first) / step).rounded(.up)
    guard step != 0, !count.isNaN, count < Double(Limits.maxDimension) else {
      throw valueError("Range from \(first) to \(last) in steps of \(step) has no end.")
    }
    return count <= 0 ? 0 : Int(count)
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (start, delta) = (try inputs.required(0), try inputs.required(2))
    let count = try Self.count(start, try inputs.required(1), delta)
    try Tensor.checkSize(start.dtype, [count])
    if start.dtype.isFloatingPoint {
      let (first, step) = (start.doubles()[0], delta.doubles()[0])
      return [try Tensor(dtype: start.dtype, shape: [count], reals: (0..<count).map { first + Double($0) * step })]
    }
    let (first, step) = (start.integers()[0], delta.integers()[0])
    return [try Tensor(dtype: start.dtype, shape: [count], integers: (0..<count).map { first &+ Int64($0) &* step })]
  }
}

/// A matrix with ones on a diagonal.
struct EyeLike: TensorFunction {
  let target: DType?
  let diagonal: Int

  init(_ attributes: AttributeReader) throws {
    target = try attributes.dtype("dtype")
    diagonal = try attributes.integer("k", 0, in: -Limits.maxDimension...Limits.maxDimension)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    [ValueType(try target ?? facts.type(0).dtype, try facts.shape(0, rank: 2...2))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let (rows, columns) = (input.shape[0], input.shape[1])
    try Tensor.checkSize(target ?? input.dtype, input.shape)
    var values = [Int64](repeating: 0, count: rows * columns)
    for row in 0..<rows where (0..<columns).contains(row + diagonal) { values[row * columns + row + diagonal] = 1 }
    return [try Tensor(dtype: target ?? input.dtype, shape: input.shape, integers: values)]
  }
}

/// The upper or lower triangle of matrices; zeros elsewhere.
struct Trilu: TensorFunction {
  let isUpper: Bool

  init(_ attributes: AttributeReader) throws { isUpper = try attributes.flag("upper", true) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs matrices") }
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let diagonal = inputs.integers(1)?.first ?? 0
    let columns = input.shape[input.shape.count - 1]
    let rows = input.shape[input.shape.count - 2]
    let size = input.dtype.byteCount
    return [
      try Tensor(checked: input.dtype, shape: input.shape) { out in
        input.withUnsafeBytes { bytes in
          for index in 0..<input.elementCount {
            let (row, column) = (index / columns % rows, index % columns)
            let isKept = isUpper ? column - row >= diagonal : column - row <= diagonal
            if isKept { for byte in index * size..<(index + 1) * size { out[byte] = bytes[byte] } }
          }
        }
      }
    ]
  }
}

/// Ones (or other values) at the places that indices name along a new axis.
struct OneHot: TensorFunction {
  let axis: Int

  init(_ attributes: AttributeReader) throws { axis = try attributes.integer("axis", -1) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (indices, values) = (try facts.type(0), try facts.type(2))
    let axis = try facts.axis(axis, rank: indices.shape.count + 1)
    var shape = indices.shape
    var depth = facts.value(1)?.sizes?.first
    if depth == nil, let known = facts.value(1)?.tensor?.doubles().first {
      depth = Dimension(Int(known.saturatedInteger))
    }
    guard (depth?.known ?? 1) >= 0 else { throw facts.failure("has a negative depth") }
    shape.insert(depth ?? facts.unknown("depth"), at: axis)
    return [ValueType(values.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (indices, values) = (try inputs.required(0), try inputs.required(2))
    guard let depth = try inputs.required(1).integers().first.map({ Int($0) }), depth >= 0, values.elementCount == 2
    else {
      throw valueError("OneHot needs a depth and two values.")
    }
    let axis = axis < 0 ? axis + indices.shape.count + 1 : axis
    var shape = indices.shape
    shape.insert(depth, at: axis)
    try Tensor.checkSize(values.dtype, shape)
    let inner = indices.shape[axis...].reduce(1, *)
    let places = indices.integers()
    var picks = [Int](repeating: 0, count: shape.reduce(1, *))
    for (i, place) in places.enumerated() {
      let position = place < 0 ? place &+ Int64(depth) : place
      guard position >= 0, position < Int64(depth) else { continue }
      picks[(i / max(inner, 1) * depth + Int(position)) * inner + i % max(inner, 1)] = 1
    }
    return [try values.picked(picks, shape: shape)]
  }
}
