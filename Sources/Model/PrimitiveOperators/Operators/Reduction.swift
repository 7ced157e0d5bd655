import Tensors

/// One number of all elements along some axes.
struct Reduction: TensorFunction {
  /// Named as in ONNX.
  enum Function: String, Sendable, CaseIterable {
    case l1 = "ReduceL1", l2 = "ReduceL2", logSum = "ReduceLogSum", logSumExp = "ReduceLogSumExp", max = "ReduceMax"
    case mean = "ReduceMean", min = "ReduceMin", prod = "ReduceProd", sum = "ReduceSum", sumSquare = "ReduceSumSquare"
  }

  let function: Function
  let keepsAxes: Bool
  let leavesWithoutAxes: Bool
  let fixed: [Int]?

  init(_ attributes: AttributeReader) throws {
    guard let function = Function(rawValue: attributes.name) else { throw attributes.failure("is no function.") }
    self.function = function
    keepsAxes = try attributes.flag("keepdims", true)
    leavesWithoutAxes = try attributes.flag("noop_with_empty_axes")
    fixed = try attributes.integers("axes")
  }

  /// The axes that are reduced, ascending, for an input of `rank` axes.
  func axes(_ given: [Int]?, rank: Int) throws -> [Int] {
    let facts = Facts(function.rawValue)
    let axes = try facts.axes(fixed ?? given ?? [], rank: rank).sorted()
    return axes.isEmpty && !leavesWithoutAxes ? Array(0..<rank) : axes
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.dtype != .bool || function == .max || function == .min else { throw facts.failure("needs numbers") }
    if facts.has(1), facts.integers(1) == nil {
      guard !keepsAxes else { return [ValueType(type.dtype, type.shape.indices.map { facts.unknown("axis \($0)") })] }
      guard let count = try facts.shape(1).first?.known, count <= type.shape.count, count > 0 else {
        throw facts.failure("needs known axes")
      }
      return [ValueType(type.dtype, (0..<type.shape.count - count).map { facts.unknown("axis \($0)") })]
    }
    let reduced = Set(try axes(facts.integers(1), rank: type.shape.count))
    let shape = type.shape.enumerated().compactMap { axis, size in
      reduced.contains(axis) ? (keepsAxes ? Dimension(1) : nil) : size
    }
    return [ValueType(type.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axes = try axes(inputs.integers(1), rank: input.shape.count)
    let kept = input.shape.indices.map { axes.contains($0) ? 1 : input.shape[$0] }
    let shape = keepsAxes ? kept : input.shape.indices.filter { !axes.contains($0) }.map { input.shape[$0] }
    let count = axes.reduce(1) { $0 * input.shape[$1] }
    try Tensor.checkSize(input.dtype, kept)
    // The place in the result of each element.
    var strides = Shapes.strides(kept)
    for axis in axes { strides[axis] = 0 }
    if input.dtype.isFloatingPoint || !isExactOnIntegers {
      let values = reals(
        input.doubles(), shape: input.shape, strides: strides, places: kept.reduce(1, *), count: count)
      return [try Tensor(dtype: input.dtype, shape: shape, reals: values)]
    }
    if count == 0, function == .max || function == .min {
      guard kept.reduce(1, *) == 0 else { return [try extreme(input.dtype, shape)] }
    }
    let values = integers(
      input.integers(), shape: input.shape, strides: strides, places: kept.reduce(1, *), count: count,
      isUnsigned: input.dtype.isUnsigned)
    return [try Tensor(dtype: input.dtype, shape: shape, integers: values)]
  }

  private var isExactOnIntegers: Bool {
    switch function {
    case .l1, .max, .mean, .min, .prod, .sum, .sumSquare: true
    case .l2, .logSum, .logSumExp: false
    }
  }

  /// The largest or smallest of no integers: the other end of their range.
  private func extreme(_ dtype: DType, _ shape: [Int]) throws -> Tensor {
    let range = dtype == .bool ? 0...1 : dtype.realRange
    let value = function == .max ? range.lowerBound : range.upperBound
    let bits = dtype == .uint64 && value > 0 ? -1 : value.saturatedInteger
    return try Tensor(dtype: dtype, shape: shape, integers: [Int64](repeating: bits, count: shape.reduce(1, *)))
  }

  private func reals(_ values: [Double], shape: [Int], strides: [Int], places: Int, count: Int) -> [Double] {
    var out = [Double](repeating: start, count: places)
    if function == .logSumExp {
      var peak = [Double](repeating: -.infinity, count: places)
      Shapes.forEach(shape, [strides]) { i, at in peak[at[0]] = Swift.max(peak[at[0]], values[i]) }
      Shapes.forEach(shape, [strides]) { i, at in
        let top = peak[at[0]].isFinite ? peak[at[0]] : 0
        out[at[0]] += Mathematics.exp(values[i] - top)
      }
      return out.indices.map { Mathematics.log(out[$0]) + (peak[$0].isFinite ? peak[$0] : 0) }
    }
    Shapes.forEach(shape, [strides]) { i, at in out[at[0]] = combine(out[at[0]], values[i]) }
    switch function {
    case .mean: return out.map { $0 / Double(count) }
    case .l2: return out.map { $0.squareRoot() }
    case .logSum: return out.map(Mathematics.log)
    default: return out
    }
  }

  private var start: Double {
    switch function {
    case .max: -.infinity
    case .min: .infinity
    case .prod: 1
    default: 0
    }
  }

  private func combine(_ a: Double, _ b: Double) -> Double {
    switch function {
    case .l1: a + b.magnitude
    case .l2, .sumSquare: a + b * b
    case .max: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    case .min: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
    case .prod: a * b
    default: a + b
    }
  }

  private func integers(
    _ values: [Int64], shape: [Int], strides: [Int], places: Int, count: Int, isUnsigned: Bool
  ) -> [Int64] {
    var out = [Int64?](repeating: nil, count: places)
    func isLess(_ a: Int64, _ b: Int64) -> Bool { isUnsigned ? UInt64(bitPattern: a) < UInt64(bitPattern: b) : a < b }
    Shapes.forEach(shape, [strides]) { i, at in
      let value = values[i]
      let term =
        function == .sumSquare ? value &* value : function == .l1 && !isUnsigned && value < 0 ? 0 &- value : value
      guard let old = out[at[0]] else {
        out[at[0]] = term
        return
      }
      switch function {
      case .max: out[at[0]] = isLess(old, term) ? term : old
      case .min: out[at[0]] = isLess(term, old) ? term : old
      case .prod: out[at[0]] = old &* term
      default: out[at[0]] = old &+ term
      }
    }
    let sums = out.map { $0 ?? (function == .prod ? 1 : 0) }
    return function == .mean ? sums.map { count == 0 ? 0 : $0 / Int64(count) } : sums
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard case .sizes(let sizes, false)? = facts.value(0), function == .prod || function == .sum else { return [] }
    let product =
      function == .prod
      ? try facts.product(sizes, "product") : try sizes.reduce(Dimension(0)) { try $0.plus($1) }
    return product.isUnknown ? [] : [.sizes([product], isScalar: !keepsAxes)]
  }
}

/// A tensor seen as lines along one axis: (outer, size, inner).
struct Lines {
  let outer: Int
  let size: Int
  let inner: Int

  init(_ shape: [Int], axis: Int) {
    outer = shape[..<axis].reduce(1, *)
    size = shape[axis]
    inner = shape[(axis + 1)...].reduce(1, *)
  }

  /// Calls `body` with the first place of each line; its elements are `inner` apart.
  func forEach(_ body: (_ line: Int, _ start: Int) throws -> Void) rethrows {
    for o in 0..<outer { for i in 0..<inner { try body(o * inner + i, o * size * inner + i) } }
  }
}

/// The place of the largest or smallest element along an axis.
struct ArgExtreme: TensorFunction {
  let isMaximum: Bool
  let axis: Int
  let keepsAxis: Bool
  let takesLast: Bool

  init(_ attributes: AttributeReader) throws {
    isMaximum = attributes.name == "ArgMax"
    axis = try attributes.integer("axis", 0)
    keepsAxis = try attributes.flag("keepdims", true)
    takesLast = try attributes.flag("select_last_index")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    var shape = try facts.shape(0)
    let axis = try facts.axis(axis, rank: shape.count)
    guard shape[axis].known != 0 else { throw facts.failure("looks for an extreme among no elements") }
    if keepsAxis { shape[axis] = 1 } else { shape.remove(at: axis) }
    return [ValueType(.int64, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axis = axis < 0 ? axis + input.shape.count : axis
    let lines = Lines(input.shape, axis: axis)
    guard lines.size > 0 else { throw valueError("An extreme is sought among no elements.") }
    var shape = input.shape
    if keepsAxis { shape[axis] = 1 } else { shape.remove(at: axis) }
    let places = input.dtype.isFloatingPoint ? find(input.doubles(), lines) : find(input.integers(), lines)
    return [try Tensor(dtype: .int64, shape: shape, integers: places)]
  }

  private func find<Value: Comparable>(_ values: [Value], _ lines: Lines) -> [Int64] {
    var out = [Int64](repeating: 0, count: lines.outer * lines.inner)
    lines.forEach { line, start in
      var best = 0
      for i in 1..<max(lines.size, 1) {
        let (new, old) = (values[start + i * lines.inner], values[start + best * lines.inner])
        if isMaximum ? new > old : new < old { best = i } else if takesLast && new == old { best = i }
      }
      out[line] = Int64(best)
    }
    return out
  }
}

/// Running sums or products along an axis.
struct Cumulative: TensorFunction {
  let isProduct: Bool
  let isExclusive: Bool
  let isReversed: Bool

  init(_ attributes: AttributeReader) throws {
    isProduct = attributes.name == "CumProd"
    isExclusive = try attributes.flag("exclusive")
    isReversed = try attributes.flag("reverse")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    if let axis = facts.integers(1)?.first { _ = try facts.axis(axis, rank: type.shape.count) }
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let facts = Facts("CumSum")
    let axis = try facts.axis(inputs.integers(1)?.first ?? 0, rank: input.shape.count)
    let lines = Lines(input.shape, axis: axis)
    try Tensor.checkSize(input.dtype, input.shape)
    if input.dtype.isFloatingPoint {
      let values = run(input.doubles(), lines, isProduct ? 1 : 0) { isProduct ? $0 * $1 : $0 + $1 }
      return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
    }
    let values = run(input.integers(), lines, isProduct ? 1 : 0) { isProduct ? $0 &* $1 : $0 &+ $1 }
    return [try Tensor(dtype: input.dtype, shape: input.shape, integers: values)]
  }

  private func run<Value>(_ values: [Value], _ lines: Lines, _ start: Value, _ combine: (Value, Value) -> Value)
    -> [Value]
  {
    var out = values
    lines.forEach { _, first in
      var sum = start
      for step in 0..<lines.size {
        let at = first + (isReversed ? lines.size - 1 - step : step) * lines.inner
        let next = combine(sum, values[at])
        out[at] = isExclusive ? sum : next
        sum = next
      }
    }
    return out
  }
}

/// The largest or smallest elements along an axis and their places; equal ones in the order of their places.
struct TopK: TensorFunction {
  let axis: Int
  let isLargest: Bool

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", -1)
    isLargest = try attributes.flag("largest", true)
    attributes.ignore("sorted")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    var shape = type.shape
    let axis = try facts.axis(axis, rank: shape.count)
    let count = facts.value(1)?.sizes?.first
    if let count = count?.known, let size = shape[axis].known, count < 0 || count > size {
      throw facts.failure("takes \(count) of \(size) elements")
    }
    shape[axis] = count ?? facts.unknown("count")
    return [ValueType(type.dtype, shape), ValueType(.int64, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axis = axis < 0 ? axis + input.shape.count : axis
    let lines = Lines(input.shape, axis: axis)
    guard let count = inputs.integers(1)?.first, count >= 0, count <= lines.size else {
      throw valueError("TopK takes more elements than an axis of \(lines.size) has.")
    }
    var shape = input.shape
    shape[axis] = count
    let places: [Int]
    if input.dtype.isFloatingPoint {
      places = find(input.doubles(), lines, count)
    } else if input.dtype == .uint64 {
      places = find(input.integers().map { UInt64(bitPattern: $0) }, lines, count)
    } else {
      places = find(input.integers(), lines, count)
    }
    var indices = [Int64](repeating: 0, count: places.count)
    for (i, place) in places.enumerated() { indices[i] = Int64(place / max(lines.inner, 1) % max(lines.size, 1)) }
    return [try input.picked(places, shape: shape), try Tensor(dtype: .int64, shape: shape, integers: indices)]
  }

  /// The places of the elements taken, in the order of the result.
  private func find<Value: Comparable>(_ values: [Value], _ lines: Lines, _ count: Int) -> [Int] {
    var out = [Int](repeating: 0, count: lines.outer * count * lines.inner)
    lines.forEach { line, start in
      let order = (0..<lines.size).sorted { a, b in
        let (x, y) = (values[start + a * lines.inner], values[start + b * lines.inner])
        return x == y ? a < b : isLargest ? x > y : x < y
      }
      let (o, i) = (line / lines.inner, line % lines.inner)
      for k in 0..<count { out[(o * count + k) * lines.inner + i] = start + order[k] * lines.inner }
    }
    return out
  }
}

/// Softmax, its logarithm, or a one at the largest element, along an axis.
struct Softmax: TensorFunction {
  enum Form: String, Sendable { case softmax = "Softmax", logarithm = "LogSoftmax", hard = "Hardmax" }

  let form: Form
  let axis: Int

  init(_ attributes: AttributeReader) throws {
    guard let form = Form(rawValue: attributes.name) else { throw attributes.failure("is no softmax.") }
    self.form = form
    axis = try attributes.integer("axis", -1)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    try facts.floating(0)
    _ = try facts.axis(axis, rank: type.shape.count)
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let lines = Lines(input.shape, axis: axis < 0 ? axis + input.shape.count : axis)
    var values = input.doubles()
    lines.forEach { _, start in line(&values, (0..<lines.size).map { start + $0 * lines.inner }) }
    return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
  }

  private func line(_ values: inout [Double], _ places: [Int]) {
    guard var best = places.first else { return }
    for place in places where values[place] > values[best] { best = place }
    let peak = values[best]
    if form == .hard {
      for place in places { values[place] = place == best ? 1 : 0 }
      return
    }
    let sum = places.reduce(0) { $0 + Mathematics.exp(values[$1] - peak) }
    let logarithm = Mathematics.log(sum)
    for place in places {
      values[place] = form == .softmax ? Mathematics.exp(values[place] - peak) / sum : values[place] - peak - logarithm
    }
  }
}
