import PrimitiveOperators
import Tensors

extension PlanValidator {
  /// A plan of primitives: ports with names, a program whose every node is an operator that is defined on its operands;
  /// stages beside it only if one node stands for them.
  static func validateGraph(_ graph: TensorGraph, _ plan: Plan) throws {
    let hasStages = !plan.steps.isEmpty
    guard hasStages || plan.buffers.isEmpty, graph.program.networkCount == (hasStages ? 1 : 0),
      graph.program.nodes.contains(where: \.isNetwork) == hasStages
    else {
      throw EVSSMError(
        "plan.graph", "The plan's stages and its graph of primitives do not belong together. Compile it again.")
    }
    try Limits.check(graph.inputs.count, atMost: Limits.maxPlanPorts, name: "max_plan_ports", "The count of inputs")
    try Limits.check(
      graph.outputNames.count, atMost: Limits.maxPlanPorts, name: "max_plan_ports", "The count of outputs")
    guard graph.inputs.count == graph.program.inputs.count, graph.outputNames.count == graph.program.outputs.count
    else {
      throw EVSSMError("plan.graph", "The plan's ports are not its program's inputs and outputs. Compile it again.")
    }
    // Types depend on the values of constants too: they are checked when the plan is bound.
    _ = try graph.program.prepared { constant in
      try constant.checkPlace(plan)
      return try constant.placeholder()
    }
  }
}

extension TensorProgram {
  /// Nodes that stand for the plan's stages, those of bodies included. The nesting of programs is bounded where they are
  /// decoded.
  fileprivate var networkCount: Int {
    nodes.reduce(0) { count, node in
      count + (node.isNetwork ? 1 : 0) + node.bodies.reduce(0) { $0 + $1.networkCount }
    }
  }
}

extension TensorProgram.Constant {
  /// Throws unless the constant has the bytes that its type needs.
  func checkPlace(_ plan: Plan) throws {
    guard plan.constants.indices.contains(constant.rawValue) else {
      throw EVSSMError(
        "plan.constant-id", "The program uses constant \(constant.rawValue); the plan has \(plan.constants.count).")
    }
    let description = plan.constants[constant.rawValue]
    let bytes = try Checked.multiply(Checked.product(shape), dtype.byteCount, "The size of a constant")
    guard bytes.dividedRoundingUp(by: 4) <= description.count else {
      throw EVSSMError(
        "plan.constant-count",
        "The program needs \(bytes) bytes of \(EVSSMError.escaped(description.name)), which has \(description.count) × 4."
      )
    }
  }

  /// A tensor that stands for the constant while its bytes are not there: of its type, without elements of its own.
  fileprivate func placeholder() throws -> Tensor { try Tensor(dtype: dtype, shape: [0]) { _ in } }
}

extension Int {
  fileprivate func dividedRoundingUp(by divisor: Int) -> Int { self / divisor + (self % divisor == 0 ? 0 : 1) }
}

extension LoadedPlan {
  /// The plan's graph of primitives, ready to run; its constants are views of the weights. Nil for a plan of stages.
  ///
  /// - Complexity: O(nodes).
  package func program() throws -> PrimitiveProgram? {
    try plan.graph?.program.prepared { constant in
      try constant.checkPlace(plan)
      return try Tensor(
        dtype: constant.dtype, shape: constant.shape, storage: weightsStorage,
        byteOffset: plan.constants[constant.constant.rawValue].byteOffset)
    }
  }
}
