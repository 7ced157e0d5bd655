import PrimitiveOperators
import Tensors

/// What a node computes: a value type that knows its attributes and how its outputs' types follow from its inputs'.
///
/// One file an operator. The verifier, the dump and the passes work through this protocol alone, so an operator is
/// added without touching them. Weights are ordinary inputs, held by the graph as constants.
package protocol Operator: Sendable {
  /// The name in dumps and errors, such as `pointwise_linear`.
  static var name: String { get }

  /// What dumps and errors call this operator; ``name`` unless it stands for several.
  var label: String { get }

  /// Everything but the inputs that decides the result, in the order of the dump.
  var attributes: [Attribute] { get }

  /// The types of the outputs. Throws `graph.type` when the operator is not defined on these inputs.
  func inferTypes(_ inputs: [ValueType]) throws -> [ValueType]

  /// Like ``inferTypes(_:)``, for operators whose types depend on the values of operands.
  func infer(_ inputs: [TensorFact]) throws -> [TensorFact]

  /// Whether each pixel of the outputs depends only on the same pixel of the inputs that are maps.
  var isPerPixel: Bool { get }

  /// Whether the result is an affine function of this input while all others stay the same.
  func isAffine(inInput index: Int) -> Bool

  /// Graphs that the operator runs on parts of its inputs.
  var regions: [Graph] { get }

  /// The same operator with other regions, one for each of ``regions``.
  func withRegions(_ regions: [Graph]) -> any Operator
}

extension Operator {
  package var label: String { Self.name }
  package func infer(_ inputs: [TensorFact]) throws -> [TensorFact] {
    try inferTypes(inputs.map(\.type)).map { TensorFact($0) }
  }
  package var attributes: [Attribute] { [] }
  package var isPerPixel: Bool { false }
  package func isAffine(inInput index: Int) -> Bool { false }
  package var regions: [Graph] { [] }
  package func withRegions(_ regions: [Graph]) -> any Operator { self }
}

/// An attribute as text, for dumps and errors.
package struct Attribute: Sendable, Hashable {
  package var name: String
  package var text: String

  package init(_ name: String, _ value: some CustomStringConvertible) {
    self.name = name
    text = value.description
  }
}

/// An operator that commutes with a change of frame, once its attributes and constants are changed too:
/// op(g(x), c) = g(op.reframed(by: g)(x, op.reframed(c)))
package protocol FrameEquivariant: Operator {
  func reframed(by frame: Frame) throws -> any Operator

  /// The constant that takes the place of `constant` at input `index`. By default the same one.
  func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor
}

extension FrameEquivariant {
  package func reframed(by frame: Frame) throws -> any Operator { self }
  package func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor { constant }
}

/// An operator whose meaning is a graph of simpler ones.
package protocol Decomposable: Operator {
  /// The graph; its inputs are the operator's inputs that are not constants, in order.
  /// - Parameters:
  ///   - types: of all the inputs
  ///   - constants: the tensors of those inputs that are constants, nil for the others
  func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph
}
