@testable import PrimitiveOperators
import Tensors

/// What an application of an operator must keep to, whatever it is given: an error of this project or a result of the
/// type that was inferred; no trap, no memory out of proportion.
enum HostileContract {
  /// Elements of a result up to which the application is evaluated.
  static let evaluatedElements = 1 << 17

  /// Infers from types, from symbolic sizes and from constants, and evaluates what is small or too large.
  ///
  /// - Returns: what is wrong, or nil.
  static func violation(_ sample: OperatorSample) -> String? {
    let op: any PrimitiveOperator
    do { op = try PrimitiveRegistry.operator(for: sample.call) } catch { return unexpected(error) }
    for facts in [sample.types(), sample.symbolic(), sample.constants()] {
      do { _ = try op.infer(facts, context(sample)) } catch { if let wrong = unexpected(error) { return wrong } }
    }
    guard let facts = try? op.infer(sample.constants(), context(sample)) else { return evaluation(op, sample, nil) }
    return evaluation(op, sample, facts)
  }

  private static func context(_ sample: OperatorSample) -> InferenceContext {
    InferenceContext(outputCount: sample.call.outputs.count, sizePrefix: "?", captureCount: 0, region: inferBody)
  }

  private static func unexpected(_ error: any Error) -> String? {
    guard let error = error as? EVSSMError else { return "\(error) is no EVSSMError" }
    return error.category == .internal ? "an internal error: \(error)" : nil
  }

  private static func evaluation(_ op: any PrimitiveOperator, _ sample: OperatorSample, _ facts: [TensorFact]?)
    -> String?
  {
    let sizes = (facts ?? []).map { fact in
      fact.type.shape.reduce(1.0) { $0 * Double($1.known ?? 1) }
    }
    let largest = sizes.max() ?? 0
    // Between what is small and what the operator itself must refuse lies what would only take long.
    if largest > Double(evaluatedElements), largest * 8 <= Double(Limits.maxValueBytes) { return nil }
    do {
      let results = try sample.call.evaluated(
        op, sample.operands.compactMap { $0 }, PrimitiveContext(region: evaluateBody), region: inferBody)
      guard let facts else { return nil }
      let asked = zip(facts, sample.call.outputs).compactMap { $1 ? $0 : nil }
      for (fact, result) in zip(asked, results) {
        guard fact.type.dtype == result.dtype, fact.type.shape.count == result.shape.count,
          zip(fact.type.shape, result.shape).allSatisfy({ $0.known == nil || $0.known == $1 })
        else { return "infers \(fact.type) and gives \(result.dtype)\(result.shape)" }
      }
      return nil
    } catch { return unexpected(error) }
  }

  /// The body of every If, Loop and Scan here: gives back what it is given, and ends a loop.
  @Sendable private static func inferBody(_ region: Int, _ inputs: [TensorFact]) throws -> [TensorFact] {
    guard inputs.count >= 2, inputs[0].type.dtype == .int64, inputs[1].type.dtype == .bool else { return inputs }
    return [TensorFact(ValueType(.bool, []))] + inputs.dropFirst(2)
  }

  @Sendable private static func evaluateBody(_ region: Int, _ inputs: [Tensor]) throws -> [Tensor] {
    guard inputs.count >= 2, inputs[0].dtype == .int64, inputs[1].dtype == .bool else { return inputs }
    return [try ints([], [0]).cast(to: .bool)] + inputs.dropFirst(2)
  }
}

extension OperatorSample {
  fileprivate func constants() -> [TensorFact?] { operands.map { $0.map { TensorFact($0) } } }
  fileprivate func types() -> [TensorFact?] { operands.map { $0.map { TensorFact(ValueType(of: $0)) } } }

  /// Types whose sizes are symbols, beside constants for what is small and no floating-point number.
  fileprivate func symbolic() -> [TensorFact?] {
    operands.enumerated().map { index, operand in
      operand.map { operand in
        if !operand.dtype.isFloatingPoint && operand.shape.count <= 1 { return TensorFact(operand) }
        let shape = operand.shape.indices.map {
          $0 == 1 ? Dimension(operand.shape[1]) : Dimension(symbol: "S\(index)_\($0)")
        }
        return TensorFact(ValueType(operand.dtype, shape))
      }
    }
  }
}
