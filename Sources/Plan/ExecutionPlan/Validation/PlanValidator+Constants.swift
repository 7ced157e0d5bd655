import Tensors

extension PlanValidator {
  /// Constants lie in the weights on 64-byte lines, and have as many values as the steps read, of types that they take.
  static func validateConstants(_ plan: Plan, weightsByteCount: Int) throws {
    for constant in plan.constants { try validatePlace(constant, weightsByteCount) }
    for step in plan.steps {
      try step.located {
        let constants = try step.operation.requirements().constants
        for constant in constants { try validate(constant, plan) }
        try validatePrecision(constants, plan)
      }
    }
  }

  private static func validatePlace(_ constant: ConstantDescription, _ weightsByteCount: Int) throws {
    let place = EVSSMError.Place(node: constant.name)
    guard constant.byteOffset >= 0, constant.byteOffset % MemoryPlanner.alignment == 0 else {
      throw EVSSMError(
        "plan.constant-alignment",
        "The constant starts at byte \(constant.byteOffset) of the weights, not on a 64-byte line.",
        place: place)
    }
    let bytes = try constant.byteCount()
    guard constant.count > 0, try Checked.add(constant.byteOffset, bytes) <= weightsByteCount else {
      throw EVSSMError(
        "plan.constant-bounds",
        "The constant has \(constant.count) values from byte \(constant.byteOffset); the weights have \(weightsByteCount) bytes.",
        place: place)
    }
  }

  private static func validate(_ requirement: Requirements.ConstantRequirement, _ plan: Plan) throws {
    let id = requirement.id
    guard plan.constants.indices.contains(id.rawValue) else {
      throw EVSSMError(
        "plan.constant-id", "The step uses constant \(id.rawValue); the plan has \(plan.constants.count).")
    }
    let constant = plan.constants[id.rawValue]
    guard let count = constant.element == .float32 ? requirement.count : requirement.pairedCount else {
      throw EVSSMError(
        "plan.constant-type",
        "The step needs \(EVSSMError.escaped(constant.name)) in float32, not \(constant.element.rawValue).")
    }
    guard constant.count == count else {
      throw EVSSMError(
        "plan.constant-count",
        "The step needs \(count) values of \(EVSSMError.escaped(constant.name)), which has \(constant.count).")
    }
  }

  /// The matrices of a step are of one type: what one kernel rounds, the next one reads.
  private static func validatePrecision(_ requirements: [Requirements.ConstantRequirement], _ plan: Plan) throws {
    let matrices = requirements.filter { $0.pairedCount != nil }.map { plan.constants[$0.id.rawValue] }
    guard let other = matrices.first(where: { $0.element != matrices[0].element }) else { return }
    throw EVSSMError(
      "plan.constant-type",
      "The step's matrix \(EVSSMError.escaped(other.name)) is \(other.element.rawValue), another \(matrices[0].element.rawValue)."
    )
  }
}
