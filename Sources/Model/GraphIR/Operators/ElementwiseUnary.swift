import Tensors

/// A function of each element by itself.
package struct ElementwiseUnary: FrameEquivariant {
  package enum Function: String, Sendable, CaseIterable {
    /// x·Φ(x), the exact form with the error function.
    case gelu
    /// log(1 + exp(x)).
    case softplus
    case exp
    case negate
  }

  package static let name = "unary"
  package var function: Function

  package init(_ function: Function) { self.function = function }

  package var attributes: [Attribute] { [Attribute("function", function.rawValue)] }
  package var isPerPixel: Bool { true }
  package func isAffine(inInput index: Int) -> Bool { function == .negate }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1)
    guard inputs[0].dtype.isFloatingPoint else { throw rule.failure("needs a floating-point input") }
    return [inputs[0]]
  }
}
