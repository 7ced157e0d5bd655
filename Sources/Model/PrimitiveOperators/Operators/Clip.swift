import Tensors

/// Every element held between two scalars: min(max(x, low), high).
struct Clip: TensorFunction {
  /// Bounds given as attributes, before opset 11.
  let low: Double?
  let high: Double?

  init(_ attributes: AttributeReader) throws {
    low = try attributes.real("min")
    high = try attributes.real("max")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.dtype != .bool else { throw facts.failure("needs numbers") }
    for bound in [1, 2] where facts.has(bound) {
      let limit = try facts.type(bound)
      guard limit.dtype == type.dtype, limit.shape.allSatisfy({ $0.known == 1 }) else {
        throw facts.failure("needs scalars of the input's type as bounds")
      }
    }
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    try Tensor.checkSize(input.dtype, input.shape)
    if input.dtype.isFloatingPoint {
      let minimum = inputs.optional(1)?.doubles().first ?? low ?? -.infinity
      let maximum = inputs.optional(2)?.doubles().first ?? high ?? .infinity
      let values = input.doubles().map { $0.isNaN ? $0 : min(max($0, minimum), maximum) }
      return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
    }
    let minimum = inputs.optional(1)?.integers().first
    let maximum = inputs.optional(2)?.integers().first
    let isUnsigned = input.dtype == .uint64
    func isLess(_ a: Int64, _ b: Int64) -> Bool { isUnsigned ? UInt64(bitPattern: a) < UInt64(bitPattern: b) : a < b }
    let values = input.integers().map { x in
      var y = x
      if let minimum, isLess(y, minimum) { y = minimum }
      if let maximum, isLess(maximum, y) { y = maximum }
      return y
    }
    return [try Tensor(dtype: input.dtype, shape: input.shape, integers: values)]
  }
}
