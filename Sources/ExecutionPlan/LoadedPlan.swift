import Tensors

/// A validated plan with its weights in memory: all that a runtime needs. Cheap to copy; copies share the weights.
public struct LoadedPlan: Sendable {
  public let plan: Plan
  /// Keeps the weights in memory; a mapped file's section or bytes made by the compiler.
  public let weightsStorage: TensorStorage
  /// Sizes that were bound ahead of time.
  public let bindings: [BoundPlan]

  /// The weights section. Valid as long as this value, or a copy of it, lives.
  public var weights: UnsafeRawBufferPointer { weightsStorage.bytes }

  /// A plan that never was a file. Throws what ``PlanValidator`` throws.
  public init(plan: Plan, weights: TensorStorage) throws {
    try PlanValidator.validate(plan, weightsByteCount: weights.bytes.count)
    self.plan = plan
    weightsStorage = weights
    bindings = []
  }

  /// The stored binding of this size, or a new one. Throws what ``Plan/bind(height:width:)`` throws.
  public func binding(height: Int, width: Int) throws -> BoundPlan {
    try bindings.first { $0.height == height && $0.width == width } ?? plan.bind(height: height, width: width)
  }
}
