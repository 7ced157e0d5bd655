import Glibc

/// The C library's functions, and a few made of them.
enum Mathematics {
  static func acos(_ x: Double) -> Double { Glibc.acos(x) }
  static func acosh(_ x: Double) -> Double { Glibc.acosh(x) }
  static func asin(_ x: Double) -> Double { Glibc.asin(x) }
  static func asinh(_ x: Double) -> Double { Glibc.asinh(x) }
  static func atan(_ x: Double) -> Double { Glibc.atan(x) }
  static func atanh(_ x: Double) -> Double { Glibc.atanh(x) }
  static func cos(_ x: Double) -> Double { Glibc.cos(x) }
  static func cosh(_ x: Double) -> Double { Glibc.cosh(x) }
  static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  static func exp(_ x: Double) -> Double { Glibc.exp(x) }
  static func log(_ x: Double) -> Double { Glibc.log(x) }
  static func sin(_ x: Double) -> Double { Glibc.sin(x) }
  static func sinh(_ x: Double) -> Double { Glibc.sinh(x) }
  static func tan(_ x: Double) -> Double { Glibc.tan(x) }
  static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
  static func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
  static func remainder(_ x: Double, _ y: Double) -> Double { Glibc.fmod(x, y) }

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
