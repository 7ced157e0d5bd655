import Tensors

/// Of two values the first where a condition holds, else the second, with broadcasting.
struct Where: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (condition, a, b) = (try facts.type(0), try facts.type(1), try facts.type(2))
    guard condition.dtype == .bool, a.dtype == b.dtype else {
      throw facts.failure("needs a condition and two values of one type")
    }
    return [ValueType(a.dtype, try facts.broadcast([condition.shape, a.shape, b.shape]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (condition, a, b) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
    let shape = try Shapes.broadcast([condition.shape, a.shape, b.shape])
    try Tensor.checkSize(a.dtype, shape)
    let size = a.dtype.byteCount
    let strides = try [condition, a, b].map { try Shapes.broadcastStrides($0.shape, to: shape) }
    return [
      try Tensor(checked: a.dtype, shape: shape) { out in
        condition.withUnsafeBytes { truths in
          a.withUnsafeBytes { left in
            b.withUnsafeBytes { right in
              Shapes.forEach(shape, strides) { index, at in
                let (source, from) = truths[at[0]] != 0 ? (left, at[1]) : (right, at[2])
                for byte in 0..<size { out[index * size + byte] = source[from * size + byte] }
              }
            }
          }
        }
      }
    ]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard let truths = facts.value(0)?.integers, let a = facts.value(1)?.sizes, let b = facts.value(2)?.sizes,
      !truths.isEmpty, !a.isEmpty, !b.isEmpty
    else { return [] }
    let count = max(truths.count, a.count, b.count)
    guard [truths.count, a.count, b.count].allSatisfy({ $0 == count || $0 == 1 }) else { return [] }
    let sizes = (0..<count).map { i in
      truths[truths.count == 1 ? 0 : i] != 0 ? a[a.count == 1 ? 0 : i] : b[b.count == 1 ? 0 : i]
    }
    return [.sizes(sizes, isScalar: (0...2).allSatisfy { facts.value($0)?.isScalar == true })]
  }
}
