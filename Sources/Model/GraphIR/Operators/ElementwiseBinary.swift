import Tensors

/// A function of two elements at the same place of two tensors of the same type.
package struct ElementwiseBinary: FrameEquivariant {
  package enum Function: String, Sendable, CaseIterable { case add, multiply }

  package static let name = "binary"
  package var function: Function

  package init(_ function: Function) { self.function = function }

  package var attributes: [Attribute] { [Attribute("function", function.rawValue)] }
  package var isPerPixel: Bool { true }
  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 2)
    guard inputs[0].dtype.isFloatingPoint else { throw rule.failure("needs floating-point inputs") }
    try rule.equal(1, inputs[0])
    return [inputs[0]]
  }

  package func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor {
    try frame.applied(to: constant)
  }
}
