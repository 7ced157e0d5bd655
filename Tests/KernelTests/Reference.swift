import Foundation

/// The kernels' functions in float64.
enum Reference {
  static func gelu(_ x: Double) -> Double {
    x == -.infinity ? 0 : x * 0.5 * erfc(-x / 2.0.squareRoot())
  }

  static func softplus(_ x: Double) -> Double { x > 20 ? x : log1p(exp(x)) }

  /// GELU of an uncertain value, with the error that the kernels promise. Its slope is at most 1.13.
  static func gelu(_ x: Expected, error: Double = geluError) -> Expected {
    Expected(value: gelu(x.value), error: x.error * 1.13 + error * max(1, abs(x.value)))
  }

  /// Of values up to 1, in proportion beyond.
  static let geluError = 3e-7
  static let reducedGELUError = 1.1e-4

  static func softplus(_ x: Expected) -> Expected {
    let value = softplus(x.value)
    return Expected(value: value, error: x.error + 3e-7 * max(1, value))
  }
}

extension Expected {
  /// The product of two uncertain values, rounded once.
  func multiplied(by other: Expected) -> Expected {
    let product = value * other.value
    let spread = abs(value) * other.error + abs(other.value) * error + error * other.error
    return Expected(value: product, error: spread + Rounding.bound(magnitude: abs(product) + spread, operations: 1))
  }

  /// The sum of two uncertain values, rounded once.
  func added(to other: Expected) -> Expected {
    let sum = value + other.value
    let spread = error + other.error
    return Expected(value: sum, error: spread + Rounding.bound(magnitude: abs(sum) + spread, operations: 1))
  }
}
