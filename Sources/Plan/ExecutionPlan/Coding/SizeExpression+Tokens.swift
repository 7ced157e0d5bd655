import Tensors

/// A size in postfix order, as plan files store it; see `schemas/plan.proto` for the codes.
struct SizeTokens: Hashable {
  var codes: [Int] = []
  var constants: [Int] = []

  /// Encodes an expression of at most ``Limits/maxPlanSizeNodes`` nodes, so the recursion is bounded.
  init(_ expression: SizeExpression) { append(expression) }

  init(codes: [Int], constants: [Int]) {
    self.codes = codes
    self.constants = constants
  }

  private mutating func append(_ expression: SizeExpression) {
    switch expression {
    case .constant(let value):
      codes.append(0)
      constants.append(value)
    case .height: codes.append(1)
    case .width: codes.append(2)
    case .sum(let a, let b): append(3, a, b)
    case .product(let a, let b): append(4, a, b)
    case .floorDivide(let a, let b): append(5, a, b)
    case .ceilDivide(let a, let b): append(6, a, b)
    case .maximum(let a, let b): append(7, a, b)
    case .minimum(let a, let b): append(8, a, b)
    }
  }

  private mutating func append(_ code: Int, _ a: SizeExpression, _ b: SizeExpression) {
    append(a)
    append(b)
    codes.append(code)
  }

  /// The expression. Throws `plan.size-expression` unless the tokens make exactly one.
  func expression() throws -> SizeExpression {
    try Limits.check(
      codes.count, atMost: Limits.maxPlanSizeNodes, name: "max_plan_size_nodes", "A size's count of terms")
    var stack: [SizeExpression] = []
    var rest = constants[...]
    for code in codes {
      switch code {
      case 0:
        guard let value = rest.popFirst() else { throw Self.malformed }
        stack.append(.constant(value))
      case 1: stack.append(.height)
      case 2: stack.append(.width)
      default:
        guard let b = stack.popLast(), let a = stack.popLast() else { throw Self.malformed }
        stack.append(try Self.combine(code, a, b))
      }
    }
    guard stack.count == 1, rest.isEmpty else { throw Self.malformed }
    return stack[0]
  }

  private static func combine(_ code: Int, _ a: SizeExpression, _ b: SizeExpression) throws -> SizeExpression {
    switch code {
    case 3: .sum(a, b)
    case 4: .product(a, b)
    case 5: .floorDivide(a, b)
    case 6: .ceilDivide(a, b)
    case 7: .maximum(a, b)
    case 8: .minimum(a, b)
    default: throw malformed
    }
  }

  private static var malformed: EVSSMError {
    EVSSMError("plan.size-expression", "A size in the plan is not a well-formed expression. Compile the plan again.")
  }
}
