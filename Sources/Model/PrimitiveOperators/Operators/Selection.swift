import Tensors

/// The coordinates of all elements that are not zero.
struct NonZero: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    [ValueType(.int64, [Dimension(try facts.shape(0).count), facts.unknown("count")])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let isSet = input.dtype.isFloatingPoint ? input.doubles().map { $0 != 0 } : input.integers().map { $0 != 0 }
    let places = isSet.indices.filter { isSet[$0] }
    let strides = Shapes.strides(input.shape)
    let coordinates = input.shape.indices.flatMap { axis in
      places.map { Int64($0 / strides[axis] % input.shape[axis]) }
    }
    return [try Tensor(dtype: .int64, shape: [input.shape.count, places.count], integers: coordinates)]
  }
}

/// The slices of an axis, or the elements, where a condition holds.
struct Compress: TensorFunction {
  let axis: Int?

  init(_ attributes: AttributeReader) throws { axis = try attributes.integer("axis") }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard try facts.type(1).dtype == .bool else { throw facts.failure("needs truth values as condition") }
    guard let axis else { return [ValueType(type.dtype, [facts.unknown("count")])] }
    var shape = type.shape
    shape[try facts.axis(axis, rank: shape.count)] = facts.unknown("count")
    return [ValueType(type.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    var input = try inputs.required(0)
    let truths = try inputs.required(1).integers()
    if axis == nil { input = try input.reshaped([input.elementCount]) }
    let axis = axis.map { $0 < 0 ? $0 + input.shape.count : $0 } ?? 0
    guard truths.count <= input.shape[axis] else { throw valueError("Compress has \(truths.count) conditions.") }
    let rows = truths.indices.filter { truths[$0] != 0 }.map { Int64($0) }
    let indices = try Tensor(dtype: .int64, shape: [rows.count], integers: rows)
    let gather = Gather(axis: axis)
    return try gather.evaluate([input, indices])
  }
}

/// The first elements of each sequence in reverse order.
struct ReverseSequence: TensorFunction {
  let batchAxis: Int
  let timeAxis: Int

  init(_ attributes: AttributeReader) throws {
    batchAxis = try attributes.integer("batch_axis", 1, in: 0...1)
    timeAxis = try attributes.integer("time_axis", 0, in: 0...1)
    guard batchAxis != timeAxis else { throw attributes.failure("has one axis for batch and time.") }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs two axes") }
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let lengths = try inputs.required(1).integers()
    let (batches, times) = (input.shape[batchAxis], input.shape[timeAxis])
    guard lengths.count == batches, lengths.allSatisfy({ $0 >= 0 && $0 <= Int64(times) }) else {
      throw valueError("ReverseSequence has lengths \(lengths.prefix(16)) for \(batches) sequences of \(times).")
    }
    let strides = Shapes.strides(input.shape)
    var offsets = [Int](repeating: 0, count: input.elementCount)
    for i in offsets.indices {
      let time = i / strides[timeAxis] % times
      let length = Int(lengths[i / strides[batchAxis] % batches])
      offsets[i] = time < length ? i + (length - 1 - 2 * time) * strides[timeAxis] : i
    }
    return [try input.picked(offsets, shape: input.shape)]
  }
}

/// The distinct elements or slices, with their first places, the way back, and their counts.
struct Unique: TensorFunction {
  let axis: Int?
  let isSorted: Bool
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis")
    isSorted = try attributes.flag("sorted", true)
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let count = facts.unknown("count")
    var shape = [count]
    var all = try facts.product(type.shape, "all")
    if let axis {
      let axis = try facts.axis(axis, rank: type.shape.count)
      shape = type.shape
      all = shape[axis]
      shape[axis] = count
    }
    let indices = ValueType(.int64, [count])
    return Array([ValueType(type.dtype, shape), indices, ValueType(.int64, [all]), indices].prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    var input = try inputs.required(0)
    if axis == nil { input = try input.reshaped([input.elementCount]) }
    let axis = axis.map { $0 < 0 ? $0 + input.shape.count : $0 } ?? 0
    let slices = try self.slices(input, axis)
    var first: [[Double]: Int] = [:]
    var order: [[Double]] = []
    for (i, slice) in slices.enumerated() where first[slice] == nil {
      first[slice] = i
      order.append(slice)
    }
    if isSorted { order.sort { $0.lexicographicallyPrecedes($1) } }
    var place: [[Double]: Int] = [:]
    for (i, slice) in order.enumerated() { place[slice] = i }
    let firsts = order.map { Int64(first[$0] ?? 0) }
    let inverse = slices.map { Int64(place[$0] ?? 0) }
    var counts = [Int64](repeating: 0, count: order.count)
    for i in inverse { counts[Int(i)] += 1 }
    func vector(_ values: [Int64]) throws -> Tensor {
      try Tensor(dtype: .int64, shape: [values.count], integers: values)
    }
    let gather = Gather(axis: axis)
    let values = try gather.evaluate([input, vector(firsts)])
    return Array((values + [try vector(firsts), try vector(inverse), try vector(counts)]).prefix(outputCount))
  }

  private func slices(_ input: Tensor, _ axis: Int) throws -> [[Double]] {
    let values = input.doubles()
    let inner = input.shape[(axis + 1)...].reduce(1, *)
    let outer = input.shape[..<axis].reduce(1, *)
    let size = input.shape[axis]
    return (0..<size).map { i in
      (0..<outer).flatMap { o in (0..<inner).map { values[(o * size + i) * inner + $0] } }
    }
  }
}
