import Tensors

/// An index into an axis of `size` elements, counted from the end when negative. Throws when there is no such element.
func checkedIndex(_ index: Int64, _ size: Int) throws -> Int {
  let position = index < 0 ? index &+ Int64(size) : index
  guard position >= 0, position < Int64(size) else {
    throw valueError("Index \(index) is out of range for a size of \(size).")
  }
  return Int(position)
}

/// Slices of an axis by their indices.
struct Gather: TensorFunction {
  let axis: Int

  init(axis: Int) { self.axis = axis }

  init(_ attributes: AttributeReader) throws { axis = try attributes.integer("axis", 0) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (data, indices) = (try facts.type(0), try facts.type(1))
    let axis = try facts.axis(axis, rank: data.shape.count)
    guard indices.dtype.isInteger else { throw facts.failure("needs integers as indices") }
    if let known = facts.integers(1), let size = data.shape[axis].known {
      for index in known { _ = try checkedIndex(Int64(index), size) }
    }
    return [ValueType(data.dtype, Array(data.shape[..<axis] + indices.shape + data.shape[(axis + 1)...]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (data, indices) = (try inputs.required(0), try inputs.required(1))
    let axis = axis < 0 ? axis + data.shape.count : axis
    let outer = data.shape[..<axis].reduce(1, *)
    let run = data.shape[(axis + 1)...].reduce(1, *) * data.dtype.byteCount
    let rows = try indices.integers().map { try checkedIndex($0, data.shape[axis]) }
    let shape = Array(data.shape[..<axis] + indices.shape + data.shape[(axis + 1)...])
    let line = data.shape[axis] * run
    return [
      try Tensor(checked: data.dtype, shape: shape) { out in
        data.withUnsafeBytes { bytes in
          guard let from = bytes.baseAddress, var to = out.baseAddress, run > 0 else { return }
          for block in 0..<outer {
            for row in rows {
              to.copyMemory(from: from + block * line + row * run, byteCount: run)
              to += run
            }
          }
        }
      }
    ]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard let sizes = facts.value(0)?.sizes, facts.value(0)?.isScalar == false, let known = facts.value(1),
      let indices = known.integers, try facts.shape(1).count <= 1
    else { return [] }
    return [
      .sizes(try indices.map { sizes[try checkedIndex(Int64($0), sizes.count)] }, isScalar: known.isScalar)
    ]
  }
}

/// Single elements by their indices along one axis.
struct GatherElements: TensorFunction {
  let axis: Int

  init(_ attributes: AttributeReader) throws { axis = try attributes.integer("axis", 0) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (data, indices) = (try facts.type(0), try facts.type(1))
    _ = try facts.axis(axis, rank: data.shape.count)
    guard indices.shape.count == data.shape.count, indices.dtype.isInteger else {
      throw facts.failure("needs indices with as many axes as the data")
    }
    return [ValueType(data.dtype, indices.shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (data, indices) = (try inputs.required(0), try inputs.required(1))
    let offsets = try ElementOffsets(data.shape, indices, axis: axis < 0 ? axis + data.shape.count : axis).offsets
    return [try data.picked(offsets, shape: indices.shape)]
  }
}

/// For each index along an axis the place of the element it means; other axes have the index's own position.
struct ElementOffsets {
  let offsets: [Int]

  init(_ shape: [Int], _ indices: Tensor, axis: Int) throws {
    let strides = Shapes.strides(shape)
    for (i, size) in indices.shape.enumerated() where i != axis && size > shape[i] {
      throw valueError("Indices of shape \(indices.shape) are larger than data of shape \(shape).")
    }
    var fixed = strides
    fixed[axis] = 0
    let values = indices.integers()
    var out = [Int](repeating: 0, count: values.count)
    try Shapes.forEach(indices.shape, [fixed]) { index, at in
      out[index] = try at[0] + checkedIndex(values[index], shape[axis]) * strides[axis]
    }
    offsets = out
  }
}

extension Tensor {
  /// The elements at the given offsets, which lie inside.
  func picked(_ offsets: [Int], shape: [Int]) throws -> Tensor {
    let size = dtype.byteCount
    return try Tensor(checked: dtype, shape: shape) { out in
      withUnsafeBytes { bytes in
        guard let from = bytes.baseAddress, let to = out.baseAddress else { return }
        for (i, offset) in offsets.enumerated() {
          (to + i * size).copyMemory(from: from + offset * size, byteCount: size)
        }
      }
    }
  }
}

/// Slices by the coordinates of their start.
struct GatherND: TensorFunction {
  let batchAxes: Int

  init(_ attributes: AttributeReader) throws {
    batchAxes = try attributes.integer("batch_dims", 0, in: 0...Limits.maxPrimitiveRank)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (data, indices) = (try facts.type(0), try facts.type(1))
    guard let depth = indices.shape.last?.known, indices.dtype.isInteger, indices.shape.count > batchAxes, depth >= 0,
      batchAxes + depth <= data.shape.count
    else { throw facts.failure("needs coordinates as last axis of the indices") }
    return [ValueType(data.dtype, Array(indices.shape.dropLast() + data.shape[(batchAxes + depth)...]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (data, indices) = (try inputs.required(0), try inputs.required(1))
    let depth = indices.shape[indices.shape.count - 1]
    let starts = try Coordinates(data.shape, indices, batchAxes: batchAxes).offsets
    let run = data.shape[(batchAxes + depth)...].reduce(1, *)
    let offsets = starts.flatMap { start in (0..<run).map { start + $0 } }
    return [try data.picked(offsets, shape: Array(indices.shape.dropLast() + data.shape[(batchAxes + depth)...]))]
  }
}

/// The places of the slices that coordinates along the last axis of a tensor name.
struct Coordinates {
  let offsets: [Int]

  init(_ shape: [Int], _ indices: Tensor, batchAxes: Int = 0) throws {
    guard let depth = indices.shape.last, batchAxes + depth <= shape.count,
      Array(indices.shape.prefix(batchAxes)) == Array(shape.prefix(batchAxes))
    else { throw valueError("Indices of shape \(indices.shape) do not fit data of shape \(shape).") }
    let strides = Shapes.strides(shape)
    let values = indices.integers()
    let count = indices.shape.dropLast().reduce(1, *)
    let batches = shape.prefix(batchAxes).reduce(1, *)
    let batchRun = shape[batchAxes...].reduce(1, *)
    let each = max(batches == 0 ? 0 : count / max(batches, 1), 1)
    offsets = try (0..<count).map { tuple in
      var offset = tuple / each * batchRun
      for i in 0..<depth {
        let axis = batchAxes + i
        offset += try checkedIndex(values[tuple * depth + i], shape[axis]) * strides[axis]
      }
      return offset
    }
  }
}

/// What a scatter does with an element that has a value already.
enum ScatterReduction: String {
  case none, add, mul, max, min

  static let names = ["none", "add", "mul", "max", "min"]

  func real(_ old: Double, _ new: Double) -> Double {
    switch self {
    case .none: new
    case .add: old + new
    case .mul: old * new
    case .max: Swift.max(old, new)
    case .min: Swift.min(old, new)
    }
  }

  func integer(_ old: Int64, _ new: Int64) -> Int64 {
    switch self {
    case .none: new
    case .add: old &+ new
    case .mul: old &* new
    case .max: Swift.max(old, new)
    case .min: Swift.min(old, new)
    }
  }
}

extension Tensor {
  /// The tensor with runs of `run` elements, from the given offsets on, replaced by (or reduced with) `updates`.
  func scattered(_ updates: Tensor, at offsets: [Int], run: Int, _ reduction: ScatterReduction) throws -> Tensor {
    if dtype.isFloatingPoint && reduction != .none {
      var values = doubles()
      let new = updates.doubles()
      for (i, offset) in offsets.enumerated() {
        for j in 0..<run { values[offset + j] = reduction.real(values[offset + j], new[i * run + j]) }
      }
      return try Tensor(dtype: dtype, shape: shape, reals: values)
    }
    if reduction != .none {
      var values = integers()
      let new = updates.integers()
      for (i, offset) in offsets.enumerated() {
        for j in 0..<run { values[offset + j] = reduction.integer(values[offset + j], new[i * run + j]) }
      }
      return try Tensor(dtype: dtype, shape: shape, integers: values)
    }
    let size = dtype.byteCount * run
    return try Tensor(checked: dtype, shape: shape) { out in
      withUnsafeBytes { out.copyMemory(from: $0) }
      updates.withUnsafeBytes { bytes in
        guard let from = bytes.baseAddress, let to = out.baseAddress, run > 0 else { return }
        for (i, offset) in offsets.enumerated() {
          (to + offset * dtype.byteCount).copyMemory(from: from + i * size, byteCount: size)
        }
      }
    }
  }
}

/// Single elements replaced by their indices along one axis.
struct ScatterElements: TensorFunction {
  let axis: Int
  private let reduction: ScatterReduction

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", 0)
    reduction =
      ScatterReduction(rawValue: try attributes.choice("reduction", "none", of: ScatterReduction.names)) ?? .none
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (data, indices, updates) = (try facts.type(0), try facts.type(1), try facts.type(2))
    _ = try facts.axis(axis, rank: data.shape.count)
    guard indices.shape.count == data.shape.count, updates.shape.count == indices.shape.count,
      updates.dtype == data.dtype, indices.dtype.isInteger
    else { throw facts.failure("needs indices and updates with as many axes as the data") }
    return [data]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (data, indices, updates) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
    guard indices.shape == updates.shape else { throw valueError("Indices and updates have different shapes.") }
    let offsets = try ElementOffsets(data.shape, indices, axis: axis < 0 ? axis + data.shape.count : axis).offsets
    return [try data.scattered(updates, at: offsets, run: 1, reduction)]
  }
}

/// Slices replaced by the coordinates of their start.
struct ScatterND: TensorFunction {
  private let reduction: ScatterReduction

  init(_ attributes: AttributeReader) throws {
    reduction =
      ScatterReduction(rawValue: try attributes.choice("reduction", "none", of: ScatterReduction.names)) ?? .none
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (data, indices, updates) = (try facts.type(0), try facts.type(1), try facts.type(2))
    guard let depth = indices.shape.last?.known, depth <= data.shape.count, indices.dtype.isInteger,
      updates.dtype == data.dtype, updates.shape.count == indices.shape.count - 1 + data.shape.count - depth
    else { throw facts.failure("needs coordinates as last axis of the indices, and updates of the slices' shape") }
    return [data]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (data, indices, updates) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
    let depth = indices.shape.last ?? 0
    let offsets = try Coordinates(data.shape, indices).offsets
    let slice = Array(data.shape[depth...])
    guard updates.shape == indices.shape.dropLast() + slice else {
      throw valueError("Updates of shape \(updates.shape) do not fit indices of shape \(indices.shape).")
    }
    return [try data.scattered(updates, at: offsets, run: slice.reduce(1, *), reduction)]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard reduction == .none, var sizes = facts.value(0)?.sizes, facts.value(0)?.isScalar == false,
      let indices = facts.integers(1), let updates = facts.value(2)?.sizes, updates.count == indices.count
    else { return [] }
    for (index, size) in zip(indices, updates) { sizes[try checkedIndex(Int64(index), sizes.count)] = size }
    return [.sizes(sizes, isScalar: false)]
  }
}

/// Elements written into a cache at a place that each sample of a batch has for itself.
struct TensorScatter: TensorFunction {
  let axis: Int
  let isCircular: Bool

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", -2)
    isCircular = try attributes.choice("mode", "linear", of: ["linear", "circular"]) == "circular"
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (cache, update) = (try facts.type(0), try facts.type(1))
    let axis = try facts.axis(axis, rank: cache.shape.count)
    guard axis > 0, update.shape.count == cache.shape.count, update.dtype == cache.dtype else {
      throw facts.failure("needs an update like the cache and an axis behind the first")
    }
    return [cache]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (cache, update) = (try inputs.required(0), try inputs.required(1))
    let axis = axis < 0 ? axis + cache.shape.count : axis
    let (length, capacity) = (update.shape[axis], cache.shape[axis])
    let starts = inputs.optional(2)?.integers() ?? [Int64](repeating: 0, count: cache.shape[0])
    var expected = cache.shape
    expected[axis] = length
    guard starts.count == cache.shape[0], length <= capacity, capacity > 0, update.shape == expected else {
      throw valueError("An update of shape \(update.shape) does not fit a cache of shape \(cache.shape).")
    }
    let run = cache.shape[(axis + 1)...].reduce(1, *)
    let inner = cache.shape[1..<axis].reduce(1, *)
    var offsets: [Int] = []
    for prefix in 0..<cache.shape[0] * inner {
      let start = starts[prefix / max(inner, 1)]
      for position in 0..<length {
        let (place, over) = start.addingReportingOverflow(Int64(position))
        guard !over, place >= 0, isCircular || place < Int64(capacity) else {
          throw valueError("Write index \(start) is out of range for a cache of \(capacity).")
        }
        offsets.append((prefix * capacity + Int(place % Int64(capacity))) * run)
      }
    }
    return [try cache.scattered(update, at: offsets, run: run, .none)]
  }
}
