import Tensors

/// A function of each element by itself.
public struct ElementwiseUnary: FrameEquivariant {
  public enum Function: String, Sendable, CaseIterable {
    /// x·Φ(x), the exact form with the error function.
    case gelu
    /// log(1 + exp(x)).
    case softplus
    case exp
    case negate
  }

  public static let name = "unary"
  public var function: Function

  public init(_ function: Function) { self.function = function }

  public var attributes: [Attribute] { [Attribute("function", function.rawValue)] }
  public var isPerPixel: Bool { true }
  public func isAffine(inInput index: Int) -> Bool { function == .negate }

  public func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1)
    guard inputs[0].dtype.isFloatingPoint else { throw rule.failure("needs a floating-point input") }
    return [inputs[0]]
  }
}
