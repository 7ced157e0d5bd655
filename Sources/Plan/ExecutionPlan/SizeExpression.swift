import Tensors

/// A size as a function of the picture's height and width: what makes a plan a program over H and W.
package indirect enum SizeExpression: Sendable, Hashable {
  case constant(Int)
  case height
  case width
  case sum(SizeExpression, SizeExpression)
  case product(SizeExpression, SizeExpression)
  /// Quotient rounded towards negative infinity; the divisor must be positive.
  case floorDivide(SizeExpression, SizeExpression)
  /// Quotient rounded towards positive infinity; the divisor must be positive.
  case ceilDivide(SizeExpression, SizeExpression)
  case maximum(SizeExpression, SizeExpression)
  case minimum(SizeExpression, SizeExpression)

  /// The value for a picture of `height` × `width`. Throws on overflow and on division by zero or less.
  package func evaluate(height: Int, width: Int) throws -> Int {
    func value(_ expression: SizeExpression) throws -> Int { try expression.evaluate(height: height, width: width) }
    switch self {
    case .constant(let constant): return constant
    case .height: return height
    case .width: return width
    case .sum(let a, let b): return try Checked.add(value(a), value(b))
    case .product(let a, let b): return try Checked.multiply(value(a), value(b))
    case .maximum(let a, let b): return try max(value(a), value(b))
    case .minimum(let a, let b): return try min(value(a), value(b))
    case .floorDivide(let a, let b): return try Self.divide(value(a), value(b), roundingUp: false)
    case .ceilDivide(let a, let b): return try Self.divide(value(a), value(b), roundingUp: true)
    }
  }

  private static func divide(_ a: Int, _ b: Int, roundingUp: Bool) throws -> Int {
    guard b > 0 else { throw EVSSMError("plan.size-expression", "A size in the plan is divided by \(b).") }
    let quotient = a / b
    let remainder = a % b
    if remainder == 0 { return quotient }
    if roundingUp { return remainder > 0 ? quotient + 1 : quotient }
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// `axis` rounded up to a multiple of `multiple`, then divided by `divisor`: the size of a level's map.
  package static func padded(_ axis: SizeExpression, toMultipleOf multiple: Int, over divisor: Int) -> SizeExpression {
    .product(.ceilDivide(axis, .constant(multiple)), .constant(multiple / divisor))
  }
}
