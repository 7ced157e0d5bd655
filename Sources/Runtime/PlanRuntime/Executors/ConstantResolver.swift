import ExecutionPlan

/// A plan's constants as pointers into the mapped weights.
struct ConstantResolver {
  let plan: LoadedPlan
  /// An address for the weights of a plan that has none; a validated plan's constants lie inside the weights.
  let fallback: UnsafeRawPointer

  func floats(_ id: ConstantID) -> ConstFloats { address(id).assumingMemoryBound(to: Float.self) }

  func matrix(_ id: ConstantID, bias: ConstantID? = nil, width: Int) -> PackedMatrix {
    PackedMatrix(
      values: address(id), element: plan.plan.constants[id.rawValue].element, bias: bias.map(floats), width: width)
  }

  private func address(_ id: ConstantID) -> UnsafeRawPointer {
    plan.weights.baseAddress.map { $0 + plan.plan.constants[id.rawValue].byteOffset } ?? fallback
  }
}
