import Tensors

extension Limits {
  /// Bytes of one result of a primitive.
  package static let maxPrimitiveResultBytes = 1 << 36
}

extension PrimitiveCall {
  /// Evaluates the call on tensors; allocates the results.
  ///
  /// - Parameter operands: those that are given, in order, captures after them.
  /// - Returns: the outputs that are asked for, in order.
  package func evaluated(
    _ op: any PrimitiveOperator, _ operands: [Tensor], _ context: PrimitiveContext = PrimitiveContext(),
    region: @escaping InferenceContext.RegionInference = InferenceContext.noRegion
  ) throws -> [Tensor] {
    let inputs = try placed(operands)
    if let op = op as? any SelfAllocating {
      let results = try op.evaluate(inputs, context, outputCount: outputs.count)
      return zip(results, outputs).compactMap { $1 ? $0 : nil }
    }
    let facts = try op.infer(
      inputs.map { $0.map(TensorFact.init) },
      InferenceContext(outputCount: outputs.count, captureCount: context.captureCount, region: region))
    guard facts.count == outputs.count else {
      throw EVSSMError("graph.outputs", "Operator \(type) has \(facts.count) outputs, not \(outputs.count).")
    }
    let storages = try zip(facts, outputs).map { try $1 ? PendingTensor($0.type) : nil }
    try op.evaluate(inputs, into: storages.map { $0?.target }, context)
    return try storages.compactMap { try $0?.finished() }
  }

  /// The operands at the operator's input positions, nil where an input is left out; captures after them.
  package func placed<Operand>(_ operands: [Operand]) throws -> [Operand?] {
    let given = inputs.count { $0 }
    guard operands.count >= given else {
      throw EVSSMError("graph.inputs", "Operator \(type) is given \(operands.count) inputs, not \(given).")
    }
    var next = 0
    let own: [Operand?] = inputs.map { isGiven in
      guard isGiven else { return nil }
      next += 1
      return operands[next - 1]
    }
    return own + operands[given...].map { $0 }
  }
}

/// Memory of a result until it is complete.
private final class PendingTensor {
  let target: TensorTarget

  init(_ type: ValueType) throws {
    let shape = try type.shape.map { size in
      guard let known = size.known, known >= 0 else {
        throw EVSSMError("graph.type", "A result has the size \(size), which is not a number or negative.")
      }
      return known
    }
    let count = try Checked.multiply(Checked.product(shape), type.dtype.byteCount, "The size of a result")
    try Limits.check(
      count, atMost: Limits.maxPrimitiveResultBytes, name: "max_primitive_result_bytes", "The size of a result")
    target = TensorTarget(
      dtype: type.dtype, shape: shape, bytes: .allocate(byteCount: max(count, 1), alignment: 64).prefixed(count))
  }

  deinit { target.bytes.baseAddress?.deallocate() }

  /// The tensor; it shares the memory.
  func finished() throws -> Tensor {
    let storage = TensorStorage(borrowing: UnsafeRawBufferPointer(target.bytes), owner: self)
    return try Tensor(dtype: target.dtype, shape: target.shape, storage: storage)
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func prefixed(_ count: Int) -> UnsafeMutableRawBufferPointer { .init(rebasing: self[..<count]) }
}
