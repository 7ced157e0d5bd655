import Tensors

/// Matrices as they lie in memory: the sizes of out = a · b for each pair of a batch.
struct ProductShape {
  let rows, inner, columns: Int
  /// Leading axes of the result.
  let batch: [Int]
  let batchA, batchB: [Int]
  /// The result's shape; a vector's axis is left out.
  let shape: [Int]

  init(_ a: [Int], _ b: [Int]) throws {
    guard let innerA = a.last, !b.isEmpty else { throw valueError("A scalar has no product.") }
    rows = a.count > 1 ? a[a.count - 2] : 1
    inner = innerA
    columns = b.count > 1 ? b[b.count - 1] : 1
    guard inner == (b.count > 1 ? b[b.count - 2] : b[0]) else {
      throw valueError("Shapes \(a) and \(b) have no product.")
    }
    let (leadA, leadB) = (Array(a.dropLast(2)), Array(b.dropLast(2)))
    batch = try Shapes.broadcast([leadA, leadB])
    let count = batch.reduce(1, *)
    batchA = try Shapes.map(leadA, to: batch) ?? Array(0..<count)
    batchB = try Shapes.map(leadB, to: batch) ?? Array(0..<count)
    shape = batch + (a.count > 1 ? [rows] : []) + (b.count > 1 ? [columns] : [])
  }

  /// out = a · b, row-major, for every pair.
  func multiply<Value: AdditiveArithmetic>(
    _ a: [Value], _ b: [Value], _ add: (inout Value, Value, Value) -> Void
  ) -> [Value] {
    var out = [Value](repeating: .zero, count: shape.reduce(1, *))
    for pair in batchA.indices {
      let (startA, startB, start) = (batchA[pair] * rows * inner, batchB[pair] * inner * columns, pair * rows * columns)
      for row in 0..<rows {
        for k in 0..<inner {
          let left = a[startA + row * inner + k]
          let line = startB + k * columns
          for column in 0..<columns { add(&out[start + row * columns + column], left, b[line + column]) }
        }
      }
    }
    return out
  }
}

extension Facts {
  /// The shape of a product of matrices, stacks of matrices, or vectors.
  func productShape(_ a: [Dimension], _ b: [Dimension]) throws -> [Dimension] {
    guard let innerA = a.last, !b.isEmpty else { throw failure("needs matrices or vectors") }
    _ = try same(innerA, b.count > 1 ? b[b.count - 2] : b[0], "inner axes")
    let batch = try broadcast([a.dropLast(2), b.dropLast(2)].map { Array($0) })
    return batch + (a.count > 1 ? [a[a.count - 2]] : []) + (b.count > 1 ? [b[b.count - 1]] : [])
  }
}

/// The product of matrices, stacks of matrices, or vectors.
struct MatMul: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    try facts.sameType(1)
    let (a, b) = (try facts.type(0), try facts.type(1))
    guard a.dtype != .bool else { throw facts.failure("needs numbers") }
    return [ValueType(a.dtype, try facts.productShape(a.shape, b.shape))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let product = try ProductShape(a.shape, b.shape)
    try Tensor.checkSize(a.dtype, product.shape)
    if a.dtype.isFloatingPoint {
      let values = product.multiply(a.doubles(), b.doubles()) { $0 += $1 * $2 }
      return [try Tensor(dtype: a.dtype, shape: product.shape, reals: values)]
    }
    let values = product.multiply(a.integers(), b.integers()) { $0 &+= $1 &* $2 }
    return [try Tensor(dtype: a.dtype, shape: product.shape, integers: values)]
  }
}

/// alpha · a · b + beta · c, either matrix transposed.
struct Gemm: TensorFunction {
  let alpha, beta: Double
  let transposesA, transposesB: Bool

  init(_ attributes: AttributeReader) throws {
    alpha = try attributes.real("alpha", 1)
    beta = try attributes.real("beta", 1)
    transposesA = try attributes.flag("transA")
    transposesB = try attributes.flag("transB")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (a, b) = (try facts.shape(0, rank: 2...2), try facts.shape(1, rank: 2...2))
    try facts.sameType(1)
    try facts.sameType(2)
    _ = try facts.same(a[transposesA ? 0 : 1], b[transposesB ? 1 : 0], "inner axes")
    let shape = [a[transposesA ? 1 : 0], b[transposesB ? 0 : 1]]
    if facts.has(2) {
      let stretched = try facts.broadcast([shape, facts.shape(2)])
      guard stretched.count == 2 else { throw facts.failure("needs a matrix or less as third input") }
    }
    return [ValueType(try facts.type(0).dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    var (a, b) = (try inputs.required(0), try inputs.required(1))
    if transposesA { a = try a.transposed() }
    if transposesB { b = try b.transposed() }
    let product = try ProductShape(a.shape, b.shape)
    try Tensor.checkSize(a.dtype, product.shape)
    let map = try inputs.optional(2).map { try Shapes.map($0.shape, to: product.shape) }
    guard a.dtype.isFloatingPoint else {
      var values = product.multiply(a.integers(), b.integers()) { $0 &+= $1 &* $2 }
      if alpha != 1 { values = values.map { (Double($0) * alpha).saturatedInteger } }
      if let c = inputs.optional(2)?.integers() {
        for i in values.indices { values[i] = values[i] &+ (Double(c[map??[i] ?? i]) * beta).saturatedInteger }
      }
      return [try Tensor(dtype: a.dtype, shape: product.shape, integers: values)]
    }
    var values = product.multiply(a.doubles(), b.doubles()) { $0 += $1 * $2 }
    let c = inputs.optional(2)?.doubles()
    for i in values.indices { values[i] = alpha * values[i] + (c.map { beta * $0[map??[i] ?? i] } ?? 0) }
    return [try Tensor(dtype: a.dtype, shape: product.shape, reals: values)]
  }
}

extension Tensor {
  /// The last two axes exchanged.
  func transposed() throws -> Tensor {
    var order = Array(shape.indices)
    order.swapAt(order.count - 1, order.count - 2)
    let strides = Shapes.strides(shape)
    return try Strided.gather(self, shape: order.map { shape[$0] }, strides: order.map { strides[$0] })
  }
}

/// A sum of products over named axes, such as `bij,bjk->bik`.
struct Einsum: TensorFunction {
  let equation: EinsumEquation

  init(_ attributes: AttributeReader) throws {
    equation = try EinsumEquation(attributes.string("equation", ""))
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let types = try facts.inputs.indices.map(facts.type)
    guard let first = types.first, types.allSatisfy({ $0.dtype == first.dtype }), first.dtype != .bool else {
      throw facts.failure("needs inputs of one element type")
    }
    let (sizes, output) = try equation.sizes(types.map(\.shape), Dimension(1)) { try facts.broadcast([[$0], [$1]])[0] }
    return [ValueType(first.dtype, output.compactMap { sizes[$0] })]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let all = try inputs.indices.map(inputs.required)
    let (sizes, output) = try equation.sizes(all.map(\.shape), 1) { try Shapes.broadcast([[$0], [$1]])[0] }
    let shape = output.compactMap { sizes[$0] }
    let dtype = all[0].dtype
    try Tensor.checkSize(dtype, shape)
    let summed = sizes.keys.filter { !output.contains($0) }.sorted()
    let axes = output + summed
    let space = axes.compactMap { sizes[$0] }
    guard try Checked.product(space) <= Limits.maxEinsumTerms else {
      throw EVSSMError(
        "limit.exceeded", "Einsum would sum over more than \(Limits.maxEinsumTerms) products.",
        limit: "max_einsum_terms")
    }
    let strides = try zip(all.indices, all).map { try equation.strides($0, $1.shape, axes) }
    let target = Shapes.strides(shape) + summed.map { _ in 0 }
    if dtype.isFloatingPoint {
      let values = all.map { $0.doubles() }
      var out = [Double](repeating: 0, count: shape.reduce(1, *))
      Shapes.forEach(space, [target] + strides) { _, at in
        out[at[0]] += values.indices.reduce(1) { $0 * values[$1][at[$1 + 1]] }
      }
      return [try Tensor(dtype: dtype, shape: shape, reals: out)]
    }
    let values = all.map { $0.integers() }
    var out = [Int64](repeating: 0, count: shape.reduce(1, *))
    Shapes.forEach(space, [target] + strides) { _, at in
      out[at[0]] &+= values.indices.reduce(1) { $0 &* values[$1][at[$1 + 1]] }
    }
    return [try Tensor(dtype: dtype, shape: shape, integers: out)]
  }
}

extension Limits {
  /// Products that an Einsum sums up.
  static let maxEinsumTerms = 1 << 33
}

/// The determinant of matrices, by elimination with pivots.
struct Determinant: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs matrices") }
    _ = try facts.same(type.shape[type.shape.count - 1], type.shape[type.shape.count - 2], "a square matrix")
    try facts.floating(0)
    return [ValueType(type.dtype, Array(type.shape.dropLast(2)))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let side = input.shape[input.shape.count - 1]
    guard input.shape[input.shape.count - 2] == side else {
      throw valueError("Only square matrices have determinants.")
    }
    let values = input.doubles()
    let shape = Array(input.shape.dropLast(2))
    let out = (0..<shape.reduce(1, *)).map {
      Self.determinant(Array(values[$0 * side * side..<($0 + 1) * side * side]), side)
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }

  private static func determinant(_ matrix: [Double], _ side: Int) -> Double {
    var m = matrix
    var result = 1.0
    for column in 0..<side {
      guard let pivot = (column..<side).max(by: { m[$0 * side + column].magnitude < m[$1 * side + column].magnitude }),
        m[pivot * side + column] != 0
      else { return 0 }
      if pivot != column {
        for k in 0..<side { m.swapAt(pivot * side + k, column * side + k) }
        result = -result
      }
      result *= m[column * side + column]
      for row in (column + 1)..<max(side, column + 1) {
        let factor = m[row * side + column] / m[column * side + column]
        for k in column..<side { m[row * side + k] -= factor * m[column * side + k] }
      }
    }
    return result
  }
}
