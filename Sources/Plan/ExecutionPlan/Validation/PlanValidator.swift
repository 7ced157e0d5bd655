import Tensors

/// The proof that a plan is safe to run, wherever it came from: from its structure alone, without trust in digests or
/// signatures.
///
/// What depends on the picture's size (sizes of maps, places in the arena) is proven again by every
/// ``Plan/bind(height:width:)``.
package enum PlanValidator {
  /// The smallest side of a map: the spectral filter reflects a pad of up to 7 pixels to sides that are multiples of 8,
  /// and the pad must be smaller than the side; 5 pixels need a pad of 3.
  package static let minMapSide = 5
  /// The smallest picture that any plan may admit: four pixels for each of a level-3 map.
  package static let smallestMinimumSide = 20
  static let largestMinimumSide = 8192

  /// Throws unless every step of the plan can run on weights of `weightsByteCount` bytes.
  ///
  /// - Complexity: O(steps + buffers + constants).
  package static func validate(_ plan: Plan, weightsByteCount: Int) throws {
    try validateStructure(plan)
    try validateConstants(plan, weightsByteCount: weightsByteCount)
  }

  /// Everything but the constants' places in the weights.
  static func validateStructure(_ plan: Plan) throws {
    try validateDescription(plan)
    try validateNames(plan)
    if let graph = plan.graph { try validateGraph(graph, plan) }
    if plan.graph != nil, plan.steps.isEmpty { return }
    try validateBuffers(plan)
    for step in plan.steps {
      try step.located { try step.operation.checkNumbers() }
    }
    try validatePictureSteps(plan)
    try validateFlow(plan)
    try validateSampleSizes(plan)
  }

  /// Sizes at a few pictures, so that a plan whose maps contradict each other is refused before it is bound to any.
  private static func validateSampleSizes(_ plan: Plan) throws {
    let least = plan.model.minimumSide
    for (height, width) in [(least, least + 1), (least + 6, least + 3), (2 * least + 5, least + 12)] {
      _ = try plan.mapSizes(height: height, width: width)
    }
  }
}

extension Step {
  /// Errors that `body` throws, with the step's name as their place.
  func located<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as EVSSMError { throw error.at(.init(node: name)) }
  }
}
