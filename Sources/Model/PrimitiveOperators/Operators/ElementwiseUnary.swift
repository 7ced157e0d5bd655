import Tensors

/// A function of each element: the activations, the functions of analysis, signs and roundings.
struct ElementwiseUnary: TensorFunction, PointwiseFunction {
  /// Named as in ONNX.
  enum Function: String, Sendable, CaseIterable {
    case abs = "Abs", acos = "Acos", acosh = "Acosh", asin = "Asin", asinh = "Asinh", atan = "Atan", atanh = "Atanh"
    case bitwiseNot = "BitwiseNot", ceil = "Ceil", celu = "Celu", cos = "Cos", cosh = "Cosh", elu = "Elu", erf = "Erf"
    case exp = "Exp", floor = "Floor", gelu = "Gelu", hardSigmoid = "HardSigmoid", hardSwish = "HardSwish"
    case isInf = "IsInf", isNaN = "IsNaN", leakyRelu = "LeakyRelu", log = "Log", mish = "Mish", neg = "Neg", not = "Not"
    case reciprocal = "Reciprocal", relu = "Relu", round = "Round", selu = "Selu", shrink = "Shrink"
    case sigmoid = "Sigmoid", sign = "Sign", sin = "Sin", sinh = "Sinh", softplus = "Softplus", softsign = "Softsign"
    case sqrt = "Sqrt", swish = "Swish", tan = "Tan", tanh = "Tanh", thresholdedRelu = "ThresholdedRelu"
  }

  let function: Function
  /// The first parameter: alpha, or lambd of Shrink, or "positive infinities count" of IsInf.
  let alpha: Double
  /// The second: beta, gamma, bias, or "negative infinities count".
  let beta: Double
  /// Gelu by the hyperbolic tangent.
  let isApproximate: Bool

  init(_ attributes: AttributeReader) throws {
    guard let function = Function(rawValue: attributes.name) else { throw attributes.failure("is no function.") }
    self.function = function
    isApproximate = try attributes.choice("approximate", "none", of: ["none", "tanh"]) == "tanh"
    switch function {
    case .shrink:
      alpha = try attributes.real("lambd", 0.5)
      beta = try attributes.real("bias", 0)
    case .isInf:
      alpha = try attributes.flag("detect_positive", true) ? 1 : 0
      beta = try attributes.flag("detect_negative", true) ? 1 : 0
    case .selu:
      alpha = try attributes.real("alpha", 1.67326319217681884765625)
      beta = try attributes.real("gamma", 1.05070102214813232421875)
    case .hardSigmoid:
      alpha = try attributes.real("alpha", 0.2)
      beta = try attributes.real("beta", 0.5)
    case .leakyRelu:
      alpha = try attributes.real("alpha", 0.01)
      beta = 0
    default:
      alpha = try attributes.real("alpha", 1)
      beta = 0
    }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    switch function {
    case .isInf, .isNaN:
      try facts.floating(0)
      return [ValueType(.bool, type.shape)]
    case .not: guard type.dtype == .bool else { throw facts.failure("needs truth values") }
    case .bitwiseNot: guard type.dtype.isInteger else { throw facts.failure("needs integers") }
    case .abs, .neg, .relu, .sign: guard type.dtype != .bool else { throw facts.failure("needs numbers") }
    default: try facts.floating(0)
    }
    return [type]
  }

  /// Sizes with their sign changed, as in `-height % 8`.
  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard function == .neg, let value = facts.value(0), let sizes = value.sizes else { return [] }
    return [.sizes(try sizes.map { try $0.times(-1) }, isScalar: value.isScalar)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let target: DType = function == .isInf || function == .isNaN ? .bool : input.dtype
    try Tensor.checkSize(target, input.shape)
    if input.dtype.isFloatingPoint {
      return [try Tensor(dtype: target, shape: input.shape, reals: input.doubles().map(real))]
    }
    let isUnsigned = input.dtype.isUnsigned
    return [try Tensor(dtype: target, shape: input.shape, integers: input.integers().map { integer($0, isUnsigned) })]
  }

  private func integer(_ x: Int64, _ isUnsigned: Bool) -> Int64 {
    switch function {
    case .abs: isUnsigned || x >= 0 ? x : 0 &- x
    case .neg: 0 &- x
    case .relu: isUnsigned ? x : max(x, 0)
    case .sign: isUnsigned ? (x == 0 ? 0 : 1) : x.signum()
    case .not: x == 0 ? 1 : 0
    default: ~x
    }
  }

  private var real: (Double) -> Double { analytic ?? activation ?? { $0 } }

  package var pointwise: ((Double) -> Double)? { function == .isInf || function == .isNaN ? nil : real }

  private var analytic: ((Double) -> Double)? {
    switch function {
    case .abs: { $0.magnitude }
    case .acos: { Mathematics.acos($0) }
    case .acosh: { Mathematics.acosh($0) }
    case .asin: { Mathematics.asin($0) }
    case .asinh: { Mathematics.asinh($0) }
    case .atan: { Mathematics.atan($0) }
    case .atanh: { Mathematics.atanh($0) }
    case .ceil: { $0.rounded(.up) }
    case .cos: { Mathematics.cos($0) }
    case .cosh: { Mathematics.cosh($0) }
    case .erf: { Mathematics.erf($0) }
    case .exp: { Mathematics.exp($0) }
    case .floor: { $0.rounded(.down) }
    case .isInf: { [alpha, beta] in $0.isInfinite && ($0 > 0 ? alpha : beta) != 0 ? 1 : 0 }
    case .isNaN: { $0.isNaN ? 1 : 0 }
    case .log: { Mathematics.log($0) }
    case .neg: { -$0 }
    case .reciprocal: { 1 / $0 }
    case .round: { $0.rounded(.toNearestOrEven) }
    case .sign: { $0.isNaN ? $0 : $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
    case .sin: { Mathematics.sin($0) }
    case .sinh: { Mathematics.sinh($0) }
    case .sqrt: { $0.squareRoot() }
    case .tan: { Mathematics.tan($0) }
    case .tanh: { Mathematics.tanh($0) }
    default: nil
    }
  }

  private var activation: ((Double) -> Double)? {
    let (a, b) = (alpha, beta)
    return switch function {
    case .celu: { max(0, $0) + min(0, a * (Mathematics.exp($0 / a) - 1)) }
    case .elu: { $0 >= 0 ? $0 : a * (Mathematics.exp($0) - 1) }
    case .gelu:
      isApproximate ? Mathematics.gelu(approximating:) : { $0 / 2 * (1 + Mathematics.erf($0 / 2.0.squareRoot())) }
    case .hardSigmoid: { max(0, min(1, a * $0 + b)) }
    case .hardSwish: { $0 * max(0, min(1, $0 / 6 + 0.5)) }
    case .leakyRelu: { $0 >= 0 ? $0 : a * $0 }
    case .mish: { $0 * Mathematics.tanh(Mathematics.softplus($0)) }
    case .relu: { $0.isNaN ? $0 : max($0, 0) }
    case .selu: { $0 > 0 ? b * $0 : b * (a * Mathematics.exp($0) - a) }
    case .shrink: { $0 < -a ? $0 + b : $0 > a ? $0 - b : 0 }
    case .sigmoid: { Mathematics.sigmoid($0) }
    case .softplus: { Mathematics.softplus($0) }
    case .softsign: { $0 / (1 + $0.magnitude) }
    case .swish: { $0 * Mathematics.sigmoid(a * $0) }
    case .thresholdedRelu: { $0 > a ? $0 : 0 }
    default: nil
    }
  }
}

extension [Tensor?] {
  /// Input `index`, which the operator's type rule has found there.
  func required(_ index: Int) throws -> Tensor {
    guard index < count, let tensor = self[index] else { throw valueError("Input \(index) is missing.") }
    return tensor
  }

  /// Input `index`, or nil where it was left out.
  func optional(_ index: Int) -> Tensor? { index < count ? self[index] : nil }
}
