import GraphIR
import Tensors

/// What an evaluation knows besides its inputs.
struct EvaluationContext {
  /// Sizes of the graph's symbols.
  var sizes: SymbolSizes
  /// Shapes of the outputs.
  var shapes: [[Int]]
}

/// An operator that the interpreter evaluates directly. Inputs have the shapes that the operator's type rule allows.
protocol Evaluable: Operator {
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>]
}
