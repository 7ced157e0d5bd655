import Tensors

extension PlanValidator {
  /// Counts, and what only people read.
  static func validateDescription(_ plan: Plan) throws {
    try Limits.check(plan.steps.count, atMost: Limits.maxPlanSteps, name: "max_plan_steps", "The count of steps")
    try Limits.check(
      plan.buffers.count, atMost: Limits.maxPlanBuffers, name: "max_plan_buffers", "The count of buffers")
    try Limits.check(
      plan.constants.count, atMost: Limits.maxPlanConstants, name: "max_plan_constants", "The count of constants")
    let model = plan.model
    try Limits.check(
      model.hyperparameters.count, atMost: Limits.maxPlanAttributes, name: "max_plan_attributes",
      "The count of hyper-parameters")
    try validateName(model.architecture, "The architecture")
    for attribute in model.hyperparameters {
      try validateName(attribute.name, "A hyper-parameter's name")
      try validateName(attribute.value, "A hyper-parameter's value")
    }
    guard model.parameterCount >= 0, model.parameterCount <= Limits.maxDimension else {
      throw EVSSMError("plan.number", "The model's count of parameters is \(model.parameterCount).")
    }
    guard
      (plan.graph != nil && plan.steps.isEmpty)
        || (smallestMinimumSide...largestMinimumSide).contains(model.minimumSide)
    else {
      throw EVSSMError(
        "plan.number",
        "The plan's smallest side is \(model.minimumSide), not \(smallestMinimumSide) to \(largestMinimumSide). Compile it again."
      )
    }
  }

  /// Names of steps (unique) and of constants.
  static func validateNames(_ plan: Plan) throws {
    var names = Set<String>(minimumCapacity: plan.steps.count)
    for step in plan.steps {
      try validateName(step.name, "A step's name")
      guard names.insert(step.name).inserted else {
        throw EVSSMError(
          "plan.duplicate-step", "Two steps have one name. Compile the plan again.", place: .init(node: step.name))
      }
    }
    for constant in plan.constants {
      try validateName(constant.name, "A constant's name", atMost: Limits.maxPlanConstantNameBytes)
    }
  }

  private static func validateName(_ name: String, _ what: String, atMost: Int = Limits.maxPlanNameBytes) throws {
    let limit = atMost == Limits.maxPlanNameBytes ? "max_plan_name_bytes" : "max_plan_constant_name_bytes"
    try Limits.check(name.utf8.count, atMost: atMost, name: limit, "\(what), in bytes,")
    guard !name.isEmpty, !name.utf8.contains(0) else {
      throw EVSSMError("plan.name", "\(what) is empty or contains a zero byte. Compile the plan again.")
    }
  }
}
