import Tensors

/// Which scale and zero point belong to an element: one for all, one a position along an axis, or one a block.
struct QuantisationMap {
  let map: [Int]?

  init(_ shape: [Int], _ scale: [Int], axis: Int, block: Int) throws {
    if scale.reduce(1, *) == 1 && block == 0 {
      map = [Int](repeating: 0, count: try Checked.product(shape))
      return
    }
    let axis = axis < 0 ? axis + shape.count : axis
    guard shape.indices.contains(axis) else { throw valueError("Scales along axis \(axis) do not fit shape \(shape).") }
    if block > 0 {
      guard scale.count == shape.count,
        scale.indices.allSatisfy({ i in
          i == axis ? scale[i] == shape[i].dividedUp(by: block) : scale[i] == shape[i]
        })
      else { throw valueError("Scales of shape \(scale) do not fit blocks of \(block) of shape \(shape).") }
      let strides = Shapes.strides(scale)
      let own = Shapes.strides(shape)
      map = (0..<shape.reduce(1, *)).map { index in
        shape.indices.reduce(0) { sum, i in
          let position = index / own[i] % shape[i]
          return sum + (i == axis ? position / block : position) * strides[i]
        }
      }
      return
    }
    guard scale.count == 1, scale[0] == shape[axis] else {
      throw valueError("Scales of shape \(scale) do not fit axis \(axis) of shape \(shape).")
    }
    let lines = Lines(shape, axis: axis)
    map = (0..<shape.reduce(1, *)).map { $0 / max(lines.inner, 1) % lines.size }
  }

  subscript(_ index: Int) -> Int { map?[index] ?? 0 }
}

/// Real numbers as small integers: round(x / scale) + zero point, held to the range.
struct QuantizeLinear: TensorFunction {
  let axis: Int
  let block: Int
  let target: DType?
  let saturates: Bool

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", 1)
    block = try attributes.integer("block_size", 0, in: 0...Limits.maxWindow)
    let code = try attributes.integer("output_dtype", 0)
    target = code == 0 ? nil : try attributes.dtype("output_dtype")
    saturates = try attributes.flag("saturate", true)
    attributes.ignore("precision", "round_mode")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    try facts.scales(1)
    let result = try facts.has(2) ? facts.type(2).dtype : target ?? .uint8
    guard result.isInteger || result.isFloatingPoint && result.bitCount <= 8 else {
      throw facts.failure("needs a zero point of a narrow type")
    }
    return [ValueType(result, type.shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, scale) = (try inputs.required(0), try inputs.required(1))
    let dtype = inputs.optional(2)?.dtype ?? target ?? .uint8
    let map = try QuantisationMap(input.shape, scale.shape, axis: axis, block: block)
    let (values, scales) = (input.doubles(), scale.doubles())
    let zeros = inputs.optional(2)?.doubles() ?? [Double](repeating: 0, count: scales.count)
    guard zeros.count == scales.count else {
      throw valueError("\(zeros.count) zero points belong to \(scales.count) scales.")
    }
    try checkScales(scales)
    if dtype.isFloatingPoint {
      let quotients = values.indices.map { values[$0] / scales[map[$0]] }
      return [try Tensor(dtype: dtype, shape: input.shape, reals: quotients, saturates: saturates)]
    }
    let range = dtype.realRange
    let out = values.indices.map { i -> Int64 in
      let quotient = Double(Float(values[i]) / Float(scales[map[i]]))
      let rounded = quotient.rounded(.toNearestOrEven) + zeros[map[i]]
      return min(max(rounded, range.lowerBound), range.upperBound).saturatedInteger
    }
    return [try Tensor(dtype: dtype, shape: input.shape, integers: out)]
  }
}

/// Throws unless every scale is a number that can be divided by.
func checkScales(_ scales: [Double]) throws {
  if let bad = scales.first(where: { !$0.isFinite || $0 == 0 }) {
    throw valueError("A scale of quantised values is \(bad); it must be finite and not zero.")
  }
}

extension Facts {
  /// Throws unless input `index` is there and its values, if they are known, can be divided by.
  fileprivate func scales(_ index: Int) throws {
    _ = try type(index)
    if case .tensor(let tensor)? = value(index) { try checkScales(tensor.doubles()) }
  }
}

/// Small integers as real numbers: (x − zero point) · scale.
struct DequantizeLinear: TensorFunction {
  let axis: Int
  let block: Int
  let target: DType?

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", 1)
    block = try attributes.integer("block_size", 0, in: 0...Limits.maxWindow)
    let code = try attributes.integer("output_dtype", 0)
    target = code == 0 ? nil : try attributes.dtype("output_dtype")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.dtype.isInteger || type.dtype.bitCount <= 8 else { throw facts.failure("needs values of a narrow type") }
    try facts.floating(1)
    try facts.scales(1)
    return [ValueType(try target ?? facts.type(1).dtype, type.shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, scale) = (try inputs.required(0), try inputs.required(1))
    let map = try QuantisationMap(input.shape, scale.shape, axis: axis, block: block)
    let (values, scales) = (input.doubles(), scale.doubles())
    let zeros = inputs.optional(2)?.doubles() ?? [Double](repeating: 0, count: scales.count)
    guard zeros.count == scales.count else {
      throw valueError("\(zeros.count) zero points belong to \(scales.count) scales.")
    }
    try checkScales(scales)
    let out = values.indices.map { (values[$0] - zeros[map[$0]]) * scales[map[$0]] }
    return [try Tensor(dtype: target ?? scale.dtype, shape: input.shape, reals: out)]
  }
}

/// Real numbers as 8-bit integers whose scale and zero point span the values and zero.
struct DynamicQuantizeLinear: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    try facts.floating(0)
    return [ValueType(.uint8, try facts.shape(0)), ValueType(.float32, []), ValueType(.uint8, [])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let values = input.floats()
    let low = values.reduce(Float(0)) { min($0, $1) }
    let high = values.reduce(Float(0)) { max($0, $1) }
    let scale = (high - low) / 255
    guard scale.isFinite else { throw valueError("Values that are not finite cannot be quantised.") }
    let zero = scale == 0 ? 0 : min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)
    let out = values.map { value -> Int64 in
      let quotient = scale == 0 ? 0 : (value / scale).rounded(.toNearestOrEven) + zero
      return Double(min(max(quotient, 0), 255)).saturatedInteger
    }
    return [
      try Tensor(dtype: .uint8, shape: input.shape, integers: out),
      try Tensor(dtype: .float32, shape: [], reals: [Double(scale)]),
      try Tensor(dtype: .uint8, shape: [], integers: [Int64(zero)]),
    ]
  }
}

/// The product of integer matrices with zero points.
struct IntegerMatMul: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    guard try facts.type(0).dtype.isInteger, try facts.type(1).dtype.isInteger else {
      throw facts.failure("needs integers")
    }
    return [ValueType(.int32, try facts.productShape(facts.shape(0), facts.shape(1)))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let product = try ProductShape(a.shape, b.shape)
    try Tensor.checkSize(.int32, product.shape)
    let left = try a.centred(inputs.optional(2), axis: max(a.shape.count - 2, 0))
    let right = try b.centred(inputs.optional(3), axis: b.shape.count - 1)
    return [
      try Tensor(dtype: .int32, shape: product.shape, integers: product.multiply(left, right) { $0 &+= $1 &* $2 })
    ]
  }
}

/// The product of quantised matrices, quantised again.
struct QuantizedMatMul: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    guard try [0, 2, 3, 5, 7].allSatisfy({ try facts.type($0).dtype.isInteger }) else {
      throw facts.failure("needs integers")
    }
    for index in [1, 4, 6] { try facts.scales(index) }
    return [ValueType(try facts.type(7).dtype, try facts.productShape(facts.shape(0), facts.shape(3)))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(3))
    let product = try ProductShape(a.shape, b.shape)
    try Tensor.checkSize(.int32, product.shape)
    let left = try a.centred(inputs.optional(2), axis: max(a.shape.count - 2, 0))
    let right = try b.centred(inputs.optional(5), axis: b.shape.count - 1)
    let sums = product.multiply(left, right) { $0 &+= $1 &* $2 }
    let (scaleA, scaleB) = (try inputs.required(1).doubles(), try inputs.required(4).doubles())
    guard scaleA.count == 1 || scaleA.count == product.rows, scaleB.count == 1 || scaleB.count == product.columns else {
      throw valueError("Scales do not fit the rows and columns.")
    }
    return [
      try requantised(sums, product.shape, inputs, scale: 6, zero: 7) { i in
        let row = i / product.columns % product.rows
        return scaleA[scaleA.count == 1 ? 0 : row] * scaleB[scaleB.count == 1 ? 0 : i % product.columns]
      }
    ]
  }
}

/// Integer sums times `factor`, divided by an output scale, with the output's zero point.
private func requantised(
  _ sums: [Int64], _ shape: [Int], _ inputs: [Tensor?], scale: Int, zero: Int, _ factor: (Int) -> Double
) throws -> Tensor {
  let zeroPoint = try inputs.required(zero)
  let scales = try inputs.required(scale).doubles()
  guard let output = scales.first, let origin = zeroPoint.integers().first else {
    throw valueError("A scale is missing.")
  }
  try checkScales(scales)
  let range = zeroPoint.dtype.realRange
  let values = sums.indices.map { i in
    let value = (Double(sums[i]) * factor(i) / output).rounded(.toNearestOrEven) + Double(origin)
    return min(max(value, range.lowerBound), range.upperBound).saturatedInteger
  }
  return try Tensor(dtype: zeroPoint.dtype, shape: shape, integers: values)
}

/// A convolution of quantised maps, quantised again.
struct QuantizedConvolution: TensorFunction {
  let window: SlidingWindow
  let groups: Int

  init(_ attributes: AttributeReader) throws {
    window = try SlidingWindow(attributes)
    groups = try attributes.integer("group", 1, in: 1...Limits.maxWindow)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    guard try [0, 2, 3, 5, 7].allSatisfy({ try facts.type($0).dtype.isInteger }) else {
      throw facts.failure("needs integers")
    }
    for index in [1, 4, 6] { try facts.scales(index) }
    let shape = try facts.convolutionShape(window, groups, 3)
    try facts.vector(8, shape[1])
    return [ValueType(try facts.type(7).dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, weight) = (try inputs.required(0), try inputs.required(3))
    let shape = try ConvolutionShape(window, groups, input.shape, weight.shape)
    try Tensor.checkSize(.int32, shape.outputShape)
    var sums = shape.sums(
      try input.centred(inputs.optional(2), axis: nil), try weight.centred(inputs.optional(5), axis: 0)
    ) {
      $0 &+= $1 &* $2
    }
    let plane = shape.places.counts.reduce(1, *)
    func channel(_ i: Int) -> Int { i / max(plane, 1) % shape.outputs }
    if let bias = inputs.optional(8)?.integers() {
      guard bias.count == shape.outputs else { throw valueError("The bias does not fit \(shape.outputs) channels.") }
      for i in sums.indices { sums[i] &+= bias[channel(i)] }
    }
    let (scaleX, scaleW) = (try inputs.required(1).doubles(), try inputs.required(4).doubles())
    guard scaleX.count == 1, scaleW.count == 1 || scaleW.count == shape.outputs else {
      throw valueError("Scales do not fit the channels.")
    }
    return [
      try requantised(sums, shape.outputShape, inputs, scale: 6, zero: 7) { i in
        scaleX[0] * scaleW[scaleW.count == 1 ? 0 : channel(i)]
      }
    ]
  }
}
