extension SizeExpression {
  /// Whether the expression has at most `nodes` operators and operands. Recursion stops at that count, however deep the
  /// expression is.
  func hasAtMost(nodes: Int) -> Bool { remaining(nodes) != nil }

  private func remaining(_ nodes: Int) -> Int? {
    guard nodes > 0 else { return nil }
    switch self {
    case .constant, .height, .width: return nodes - 1
    case .sum(let a, let b), .product(let a, let b), .floorDivide(let a, let b), .ceilDivide(let a, let b),
      .maximum(let a, let b), .minimum(let a, let b):
      return a.remaining(nodes - 1).flatMap { b.remaining($0) }
    }
  }
}
