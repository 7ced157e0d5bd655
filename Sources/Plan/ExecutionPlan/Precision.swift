/// What matrices compute in, and so the type of a constant's values in the weights section. Everything else is float32.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  case float32
  /// The high half of a float32. Matrices only, packed in pairs of rows; `docs/precision.md` defines their products.
  case bfloat16

  /// Bytes a value.
  package var byteCount: Int { self == .float32 ? 4 : 2 }
}

extension Plan {
  /// ``Precision/bfloat16`` if any matrix is.
  package var precision: Precision { constants.contains { $0.element == .bfloat16 } ? .bfloat16 : .float32 }

  /// What a step's matrices compute in. Those of one step agree in a validated plan.
  package func precision(of step: Step) throws -> Precision {
    let matrices = try step.operation.requirements().constants.filter { $0.pairedCount != nil }
    return matrices.contains { constants[$0.id.rawValue].element == .bfloat16 } ? .bfloat16 : .float32
  }
}
