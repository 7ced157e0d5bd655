import Tensors

/// The largest, smallest, sum or mean of any number of inputs, with broadcasting.
struct Variadic: TensorFunction {
  /// Named as in ONNX.
  enum Function: String, Sendable { case max = "Max", mean = "Mean", min = "Min", sum = "Sum" }

  let function: Function

  init(_ attributes: AttributeReader) throws {
    guard let function = Function(rawValue: attributes.name) else { throw attributes.failure("is no function.") }
    self.function = function
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let types = try facts.inputs.indices.map(facts.type)
    guard let first = types.first, types.allSatisfy({ $0.dtype == first.dtype }), first.dtype != .bool else {
      throw facts.failure("needs inputs of one element type")
    }
    return [ValueType(first.dtype, try facts.broadcast(types.map(\.shape)))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let all = try inputs.indices.map(inputs.required)
    let dtype = all[0].dtype
    let shape = try Shapes.broadcast(all.map(\.shape))
    try Tensor.checkSize(dtype, shape)
    if dtype.isFloatingPoint {
      var values = try fold(all, shape, { $0.doubles() }, real)
      if function == .mean { values = values.map { $0 / Double(all.count) } }
      return [try Tensor(dtype: dtype, shape: shape, reals: values)]
    }
    var values = try fold(all, shape, { $0.integers() }) { integer($0, $1, dtype.isUnsigned) }
    if function == .mean { values = values.map { $0 / Int64(all.count) } }
    return [try Tensor(dtype: dtype, shape: shape, integers: values)]
  }

  private func fold<Value>(
    _ all: [Tensor], _ shape: [Int], _ elements: (Tensor) -> [Value], _ combine: (Value, Value) -> Value
  ) throws -> [Value] {
    let count = shape.reduce(1, *)
    let firstMap = try Shapes.map(all[0].shape, to: shape)
    let first = elements(all[0])
    var out = firstMap.map { $0.map { first[$0] } } ?? first
    for tensor in all.dropFirst() {
      out = pairs(out, elements(tensor), [nil, try Shapes.map(tensor.shape, to: shape)], count, combine)
    }
    return out
  }

  private func real(_ a: Double, _ b: Double) -> Double {
    switch function {
    case .max: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    case .min: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
    case .sum, .mean: a + b
    }
  }

  private func integer(_ a: Int64, _ b: Int64, _ isUnsigned: Bool) -> Int64 {
    let isLess = isUnsigned ? UInt64(bitPattern: a) < UInt64(bitPattern: b) : a < b
    return switch function {
    case .max: isLess ? b : a
    case .min: isLess ? a : b
    case .sum, .mean: a &+ b
    }
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    let all = facts.inputs.indices.compactMap { facts.value($0)?.sizes }
    guard function != .mean, all.count == facts.inputs.count, let first = all.first else { return [] }
    guard all.allSatisfy({ $0.count == first.count }) else { return [] }
    let sizes = try first.indices.map { i in
      let column = all.map { $0[i] }
      return switch function {
      case .max: try Dimension.maximum(column)
      case .min: try Dimension.minimum(column)
      case .sum, .mean: try column.dropFirst().reduce(column[0]) { try $0.plus($1) }
      }
    }
    return [.sizes(sizes, isScalar: facts.value(0)?.isScalar == true)]
  }
}
