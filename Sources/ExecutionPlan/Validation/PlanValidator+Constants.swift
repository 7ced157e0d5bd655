import Tensors

extension PlanValidator {
  /// Constants lie in the weights on 64-byte lines, and have as many values as the steps read.
  static func validateConstants(_ plan: Plan, weightsByteCount: Int) throws {
    for constant in plan.constants { try validatePlace(constant, weightsByteCount) }
    for step in plan.steps {
      try step.located {
        for (id, count) in try step.operation.requirements().constants { try validateCount(id, count, plan) }
      }
    }
  }

  private static func validatePlace(_ constant: ConstantDescription, _ weightsByteCount: Int) throws {
    let place = EVSSMError.Place(node: constant.name)
    guard constant.byteOffset >= 0, constant.byteOffset % MemoryPlanner.alignment == 0 else {
      throw EVSSMError(
        "plan.constant-alignment", "The constant starts at byte \(constant.byteOffset) of the weights, not on a 64-byte line.",
        place: place)
    }
    let bytes = try Checked.multiply(constant.count, MemoryLayout<Float>.stride, "The size of a constant")
    guard constant.count > 0, try Checked.add(constant.byteOffset, bytes) <= weightsByteCount else {
      throw EVSSMError(
        "plan.constant-bounds",
        "The constant has \(constant.count) values from byte \(constant.byteOffset); the weights have \(weightsByteCount) bytes.",
        place: place)
    }
  }

  private static func validateCount(_ id: ConstantID, _ count: Int, _ plan: Plan) throws {
    guard plan.constants.indices.contains(id.rawValue) else {
      throw EVSSMError("plan.constant-id", "The step uses constant \(id.rawValue); the plan has \(plan.constants.count).")
    }
    let constant = plan.constants[id.rawValue]
    guard constant.count == count else {
      throw EVSSMError(
        "plan.constant-count",
        "The step needs \(count) values of \(EVSSMError.escaped(constant.name)), which has \(constant.count).")
    }
  }
}
