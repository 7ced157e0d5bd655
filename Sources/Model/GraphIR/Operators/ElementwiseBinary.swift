import Tensors

/// A function of two elements at the same place of two tensors of the same type.
public struct ElementwiseBinary: FrameEquivariant {
  public enum Function: String, Sendable, CaseIterable { case add, multiply }

  public static let name = "binary"
  public var function: Function

  public init(_ function: Function) { self.function = function }

  public var attributes: [Attribute] { [Attribute("function", function.rawValue)] }
  public var isPerPixel: Bool { true }
  public func isAffine(inInput index: Int) -> Bool { true }

  public func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 2)
    guard inputs[0].dtype.isFloatingPoint else { throw rule.failure("needs floating-point inputs") }
    try rule.equal(1, inputs[0])
    return [inputs[0]]
  }

  public func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor {
    try frame.applied(to: constant)
  }
}
