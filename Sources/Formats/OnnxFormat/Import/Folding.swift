import GraphIR
import PrimitiveOperators
import Tensors

extension Limits {
  /// Bytes of a result that is always folded when its operands are constants; larger ones are if they are no more than
  /// eight times as large as the operands.
  static let smallFoldedBytes = 1 << 16
}

extension ModelImporter {
  /// The results of a primitive as constants, if they are known now and small enough to keep; nil otherwise.
  ///
  /// That is so when all operands are constants, and for computations on shapes that come out as numbers. Throws
  /// `graph.type` when the operator is not defined on its operands.
  func folded(_ op: Primitive, _ operands: [TensorFact]) throws -> [Tensor]? {
    guard op.bodies.isEmpty else { return nil }
    let facts = try op.infer(operands)
    let known = try facts.map { try $0.knownSizes() }
    if known.allSatisfy({ $0 != nil }) { return known.compactMap { $0 } }
    let constants = operands.compactMap(\.constant)
    guard constants.count == operands.count, !Self.isRandom(op.call) else { return nil }
    let size = try facts.reduce(0) { try Checked.add($0, $1.byteCount()) }
    let given = constants.reduce(0) { $0 + $1.byteCount }
    let total = try Checked.add(foldedBytes, size)
    guard size <= max(Limits.smallFoldedBytes, given <= Int.max / 8 ? 8 * given : 0), total <= maxFoldedBytes else {
      return nil
    }
    foldedBytes = total
    return try op.call.evaluated(op.primitive, constants)
  }

  /// Takes note of results that follow from constants alone and are computed by every run: what a small file makes of
  /// nothing. Throws `limit.exceeded` when they are too large.
  func noteDerived(_ op: Primitive, _ operands: [ValueID], _ results: [ValueID], in graph: Graph) throws {
    guard operands.allSatisfy({ graph[$0].fact.constant != nil || derived.contains($0) }) else { return }
    for result in results {
      derived.insert(result)
      let sizes = graph[result].type.shape.compactMap(\.known)
      guard sizes.count == graph[result].type.shape.count else { continue }
      let bytes = try Checked.multiply(
        Checked.product(sizes), graph[result].type.dtype.byteCount, "The size of a value")
      derivedBytes = try Checked.add(derivedBytes, bytes)
    }
    let (files, over) = decoder.model.byteCount.addingReportingOverflow(decoder.external.byteCount)
    try Limits.check(
      derivedBytes, atMost: over ? Int.max : Limits.maxMaterialisedBytes(fileBytes: files),
      name: "max_materialised_bytes",
      "The size in bytes of what the graph makes of constants")
  }

  /// What constants made here may take in all.
  private var maxFoldedBytes: Int {
    let (files, over) = decoder.model.byteCount.addingReportingOverflow(decoder.external.byteCount)
    return over ? Int.max : files + Limits.maxOnnxExpandedBytes
  }

  private static func isRandom(_ call: PrimitiveCall) -> Bool {
    call.type.hasPrefix("Random") || call.type == "Multinomial" || call.type == "Bernoulli"
  }
}

extension TensorFact {
  /// The tensor, if all elements are followed and known as numbers.
  fileprivate func knownSizes() throws -> Tensor? {
    if let constant { return constant }
    guard let sizes, type.dtype == .int64 else { return nil }
    let numbers = sizes.compactMap(\.known)
    let shape = type.shape.compactMap(\.known)
    guard numbers.count == sizes.count, shape.count == type.shape.count else { return nil }
    return try Tensor(shape: shape, integers: numbers)
  }

  /// Bytes of the tensor; throws when a size is no number, which constants' results cannot have.
  fileprivate func byteCount() throws -> Int {
    let sizes = try type.shape.map { size in
      guard let known = size.known, known >= 0 else {
        throw EVSSMError("graph.type", "A result of constants has the size \(size).")
      }
      return known
    }
    return try Checked.multiply(Checked.product(sizes), type.dtype.byteCount)
  }
}
