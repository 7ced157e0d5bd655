import Tensors

extension PlanValidator {
  static func validateBuffers(_ plan: Plan) throws {
    for (index, buffer) in plan.buffers.enumerated() {
      let place = EVSSMError.Place(node: "buffer \(index)")
      guard (1...OperationBounds.maxChannels).contains(buffer.channels) else {
        throw EVSSMError(
          "plan.number", "The buffer has \(buffer.channels) channels. Compile the plan again.", place: place)
      }
      for side in [buffer.height, buffer.width] where !side.hasAtMost(nodes: Limits.maxPlanSizeNodes) {
        throw EVSSMError(
          "limit.exceeded", "The buffer's size has more than \(Limits.maxPlanSizeNodes) terms. Compile the plan again.",
          place: place, limit: "max_plan_size_nodes")
      }
    }
  }

  /// The picture is read by the first step and written by the last, and by no other.
  static func validatePictureSteps(_ plan: Plan) throws {
    let first = plan.steps.indices.filter { plan.steps[$0].operation.picture == .source }
    let last = plan.steps.indices.filter { plan.steps[$0].operation.picture == .sink }
    guard first == [0], last == [plan.steps.count - 1] else {
      throw EVSSMError(
        "plan.picture-steps",
        "A plan has one step that reads the picture, its first, and one that writes it, its last. Compile the plan again."
      )
    }
  }

  /// Buffers exist, are written before they are read, are distinct where they must be, and have the operation's
  /// channels.
  static func validateFlow(_ plan: Plan) throws {
    var written = [Bool](repeating: false, count: plan.buffers.count)
    for step in plan.steps {
      try step.located {
        let requirements = try step.operation.requirements()
        for map in requirements.reads + requirements.writes { try validateMap(map, plan) }
        for map in requirements.reads where !written[map.buffer.rawValue] {
          throw EVSSMError(
            "plan.read-before-write", "The step reads buffer \(map.buffer.rawValue), which no step before it writes.")
        }
        try validateDistinct(step.operation, requirements)
        for map in requirements.writes { written[map.buffer.rawValue] = true }
      }
    }
    if let unused = written.firstIndex(of: false) {
      throw EVSSMError("plan.buffer-unused", "No step writes buffer \(unused). Compile the plan again.")
    }
  }

  private static func validateMap(_ map: Requirements.MapRequirement, _ plan: Plan) throws {
    guard plan.buffers.indices.contains(map.buffer.rawValue) else {
      throw EVSSMError(
        "plan.buffer-id", "The step uses buffer \(map.buffer.rawValue); the plan has \(plan.buffers.count).")
    }
    let channels = plan.buffers[map.buffer.rawValue].channels
    guard channels == map.channels else {
      throw EVSSMError(
        "plan.channels",
        "The step needs \(map.channels) channels in buffer \(map.buffer.rawValue), which has \(channels).")
    }
  }

  /// A step reads other pixels than those it writes, so its maps are distinct, unless ``PlanOperation/inPlaceBuffer`` says that
  /// it is made to write over what it reads.
  private static func validateDistinct(_ operation: any PlanOperation, _ requirements: Requirements) throws {
    let inPlace = operation.inPlaceBuffer
    let writes = Set(requirements.writes.map(\.buffer))
    if let shared = requirements.reads.first(where: { writes.contains($0.buffer) && $0.buffer != inPlace }) {
      throw EVSSMError(
        "plan.buffer-aliased", "The step reads and writes buffer \(shared.buffer.rawValue). Compile the plan again.")
    }
  }
}
