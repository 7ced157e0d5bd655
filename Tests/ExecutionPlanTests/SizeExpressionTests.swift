import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct SizeExpressionTests {
  @Test func sizesAreEvaluatedWithRounding() throws {
    let cases: [(SizeExpression, Int)] = [
      (.constant(-3), -3), (.height, 45), (.width, 70), (.sum(.height, .width), 115),
      (.product(.height, .constant(2)), 90),
      (.floorDivide(.constant(-7), .constant(2)), -4), (.ceilDivide(.constant(-7), .constant(2)), -3),
      (.floorDivide(.height, .constant(4)), 11), (.ceilDivide(.height, .constant(4)), 12),
      (.maximum(.height, .width), 70), (.minimum(.height, .width), 45),
      (.padded(.height, toMultipleOf: 4, over: 2), 24), (.padded(.width, toMultipleOf: 4, over: 4), 18),
    ]
    for (expression, value) in cases {
      #expect(try expression.evaluate(height: 45, width: 70) == value)
      #expect(try SizeTokens(expression).expression() == expression)
    }
  }

  @Test func overflowAndDivisionByZeroAreErrors() {
    for divisor in [0, -1, Int.min] {
      expectError("plan.size-expression") {
        _ = try SizeExpression.floorDivide(.height, .constant(divisor)).evaluate(height: .min, width: 1)
      }
    }
    expectError("size.overflow") { _ = try SizeExpression.sum(.height, .height).evaluate(height: .max, width: 1) }
    expectError("size.overflow") { _ = try SizeExpression.product(.height, .height).evaluate(height: .max, width: 1) }
  }

  @Test func tokensThatMakeNoExpressionAreErrors() {
    let malformed: [SizeTokens] = [
      .init(codes: [], constants: []), .init(codes: [0], constants: []), .init(codes: [1, 1], constants: []),
      .init(codes: [3], constants: []), .init(codes: [1, 3], constants: []), .init(codes: [1], constants: [4]),
      .init(codes: [1, 2, 9], constants: []), .init(codes: [1, 2, -1], constants: []),
    ]
    for tokens in malformed { expectError("plan.size-expression") { _ = try tokens.expression() } }
    let long = SizeTokens(codes: Array(repeating: 1, count: 33), constants: [])
    expectError("limit.exceeded", limit: "max_plan_size_nodes") { _ = try long.expression() }
  }

  @Test func deepExpressionsAreCountedWithoutRecursingThrough() throws {
    var expression = SizeExpression.height
    for _ in 0..<2000 { expression = .sum(expression, .constant(0)) }
    #expect(!expression.hasAtMost(nodes: Limits.maxPlanSizeNodes))
    var plan = try SyntheticPlan.evssm().plan
    plan.buffers[0].height = expression
    expectError("limit.exceeded", limit: "max_plan_size_nodes") {
      try PlanValidator.validate(plan, weightsByteCount: 1 << 30)
    }
  }
}
