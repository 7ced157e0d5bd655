import Foundation

/// The C library's functions, and a few made of them.
enum Mathematics {
  static func acos(_ x: Double) -> Double { Foundation.acos(x) }
  static func acosh(_ x: Double) -> Double { Foundation.acosh(x) }
  static func asin(_ x: Double) -> Double { Foundation.asin(x) }
  static func asinh(_ x: Double) -> Double { Foundation.asinh(x) }
  static func atan(_ x: Double) -> Double { Foundation.atan(x) }
  static func atanh(_ x: Double) -> Double { Foundation.atanh(x) }
  static func cos(_ x: Double) -> Double { Foundation.cos(x) }
  static func cosh(_ x: Double) -> Double { Foundation.cosh(x) }
  static func erf(_ x: Double) -> Double { Foundation.erf(x) }
  static func exp(_ x: Double) -> Double { Foundation.exp(x) }
  static func log(_ x: Double) -> Double { Foundation.log(x) }
  static func sin(_ x: Double) -> Double { Foundation.sin(x) }
  static func sinh(_ x: Double) -> Double { Foundation.sinh(x) }
  static func tan(_ x: Double) -> Double { Foundation.tan(x) }
  static func tanh(_ x: Double) -> Double { Foundation.tanh(x) }
  static func pow(_ x: Double, _ y: Double) -> Double { Foundation.pow(x, y) }
  static func remainder(_ x: Double, _ y: Double) -> Double { Foundation.fmod(x, y) }

  static func gelu(approximating x: Double) -> Double {
    x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  /// 1 / (1 + e^−x), without overflow on either side.
  static func sigmoid(_ x: Double) -> Double {
    if x >= 0 { return 1 / (1 + exp(-x)) }
    let e = exp(x)
    return e / (1 + e)
  }

  /// log(1 + e^x), without overflow.
  static func softplus(_ x: Double) -> Double { max(x, 0) + log(1 + exp(-x.magnitude)) }
}
