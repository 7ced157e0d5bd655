import Tensors

/// A validated plan with its weights in memory: all that a runtime needs. Cheap to copy; copies share the weights.
public struct LoadedPlan: Sendable {
  package let plan: Plan
  /// Keeps the weights in memory: a mapped file's section, or bytes made by the compiler.
  package let weightsStorage: TensorStorage
  /// Sizes that were bound ahead of time.
  package let bindings: [BoundPlan]
  package let certificate: Certificate?
  /// Nil for a plan that never was a file, as is `fileByteCount`.
  package let digest: PlanDigest?
  package let fileByteCount: Int?
  /// Sections of kinds that this version does not know.
  package let ignoredSections: [IgnoredSection]

  /// The weights section, 64-byte aligned. Valid as long as this value, or a copy of it, lives.
  package var weights: UnsafeRawBufferPointer { weightsStorage.bytes }

  init(
    plan: Plan, weightsStorage: TensorStorage, bindings: [BoundPlan], certificate: Certificate?, digest: PlanDigest?,
    fileByteCount: Int?, ignoredSections: [IgnoredSection]
  ) {
    self.plan = plan
    self.weightsStorage = weightsStorage
    self.bindings = bindings
    self.certificate = certificate
    self.digest = digest
    self.fileByteCount = fileByteCount
    self.ignoredSections = ignoredSections
  }

  /// A plan that never was a file. Throws what ``PlanValidator`` throws.
  package init(plan: Plan, weights: TensorStorage) throws {
    try PlanValidator.validate(plan, weightsByteCount: weights.bytes.count)
    guard UInt(bitPattern: weights.bytes.baseAddress) % 64 == 0 else {
      throw EVSSMError("plan.constant-alignment", "The weights do not start on a 64-byte line.", category: .internal)
    }
    self.init(
      plan: plan, weightsStorage: weights, bindings: [], certificate: nil, digest: nil, fileByteCount: nil,
      ignoredSections: [])
  }

  /// The stored binding of this size, or a new one. Throws what ``Plan/bind(height:width:)`` throws.
  package func binding(height: Int, width: Int) throws -> BoundPlan {
    try bindings.first { $0.height == height && $0.width == width } ?? plan.bind(height: height, width: width)
  }
}
