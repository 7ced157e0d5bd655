import Tensors

/// Parts of axes, with steps that may be negative.
struct Slice: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    var shape = type.shape
    guard let count = try facts.type(1).shape.first?.known ?? facts.value(1)?.sizes?.count else {
      throw facts.failure("needs starts of known number")
    }
    let axes: [Int]
    if facts.has(3) {
      guard let known = facts.integers(3) else {
        return [ValueType(type.dtype, shape.indices.map { facts.unknown("axis \($0)") })]
      }
      axes = try facts.axes(known, rank: shape.count)
    } else {
      guard count <= shape.count else { throw facts.failure("has \(count) starts") }
      axes = Array(0..<count)
    }
    let steps = facts.has(4) ? facts.integers(4) : Array(repeating: 1, count: axes.count)
    let starts = facts.value(1)?.sizes
    let ends = facts.value(2)?.sizes
    guard axes.count == count, steps.map({ $0.count == count }) ?? true, (starts?.count ?? count) == count,
      (ends?.count ?? count) == count
    else { throw facts.failure("needs as many starts, ends and steps as axes") }
    if steps?.contains(0) == true { throw facts.failure("has a step of 0") }
    for (i, axis) in axes.enumerated() {
      guard let start = starts?[i], let end = ends?[i], let step = steps?[i] else {
        shape[axis] = facts.unknown("axis \(axis)")
        continue
      }
      shape[axis] = try Self.count(of: shape[axis], from: start, to: end, by: step) ?? facts.unknown("axis \(axis)")
    }
    return [ValueType(type.dtype, shape)]
  }

  /// The number of elements taken; nil when it cannot be said. A symbolic start or end is taken as it is: from the
  /// front, and inside.
  private static func count(of size: Dimension, from start: Dimension, to end: Dimension, by step: Int) throws
    -> Dimension?
  {
    if let size = size.known, let start = start.known, let end = end.known {
      return Dimension(SliceRange(size: size, start: start, end: end, step: step).count)
    }
    guard step > 0 else { return try isWhole(size, start, end) ? size.dividedRoundingUp(by: -step) : nil }
    let first = try position(start, size)
    let last = try position(end, size)
    guard let first, let last else { return nil }
    let span = try last.minus(first)
    if let span = span.known { return Dimension(max(0, span).dividedUp(by: step)) }
    return try span.dividedRoundingUp(by: step)
  }

  /// Whether a range that runs backwards goes from the last element of the axis to the first.
  private static func isWhole(_ size: Dimension, _ start: Dimension, _ end: Dimension) throws -> Bool {
    let isFromLast = try start == -1 || start.plus(1) == size || (start.known ?? 0) >= Limits.maxDimension
    let isToFirst = try end.plus(size) == -1 || (end.known ?? 0) < -Limits.maxDimension
    return isFromLast && isToFirst
  }

  private static func position(_ position: Dimension, _ size: Dimension) throws -> Dimension? {
    guard let known = position.known else {
      return size.known == nil || position.isUnknown ? position : try Dimension.minimum([position, size])
    }
    if known >= Limits.maxDimension { return size }
    if known < 0 { return known < -Limits.maxDimension ? Dimension(0) : try size.plus(Dimension(known)) }
    // A positive start or end within a symbolic size.
    return size.known.map { Dimension(min(known, $0)) } ?? Dimension(known)
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let (starts, ends) = (inputs.integers(1) ?? [], inputs.integers(2) ?? [])
    let steps = inputs.integers(4) ?? Array(repeating: 1, count: starts.count)
    let facts = Facts("Slice")
    let axes = try facts.axes(inputs.integers(3) ?? Array(starts.indices), rank: input.shape.count)
    guard starts.count == ends.count, steps.count == starts.count, axes.count == starts.count, !steps.contains(0) else {
      throw valueError("Slice needs as many starts, ends and steps as axes, and no step of 0.")
    }
    var shape = input.shape
    var strides = Shapes.strides(input.shape)
    var offset = 0
    for (i, axis) in axes.enumerated() {
      let range = SliceRange(size: shape[axis], start: starts[i], end: ends[i], step: steps[i])
      offset += range.first * strides[axis]
      shape[axis] = range.count
      strides[axis] = range.count > 1 ? strides[axis] * steps[i] : 0
    }
    return [try Strided.gather(input, shape: shape, strides: strides, offset: shape.contains(0) ? 0 : offset)]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    try moved(facts)
  }
}

/// The elements of an axis that a slice takes: `count` of them from `first` on.
struct SliceRange {
  let first: Int
  let count: Int

  /// Negative positions count from the end; all are held to the axis.
  init(size: Int, start: Int, end: Int, step: Int) {
    func clamp(_ position: Int, _ low: Int, _ high: Int) -> Int {
      min(max(position < 0 ? position &+ size : position, low), high)
    }
    if step > 0 {
      // INT64_MIN plus a size stays negative.
      first = clamp(start, 0, size)
      count = max(0, clamp(end, 0, size) - first).dividedUp(by: step)
    } else {
      first = clamp(start, -1, size - 1)
      let last = clamp(end, -1, size - 1)
      count = max(0, first - last).dividedUp(by: step == Int.min ? Int.max : -step)
    }
  }
}

extension Int {
  /// The quotient of non-negative numbers, rounded up.
  func dividedUp(by divisor: Int) -> Int { self == 0 ? 0 : (self - 1) / divisor + 1 }
}
