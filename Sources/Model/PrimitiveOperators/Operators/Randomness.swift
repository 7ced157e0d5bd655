import Tensors

/// Numbers that look random and are the same in every run: SplitMix64 (Steele, Lea, Flood, 2014).
struct SeededNumbers {
  private var state: UInt64

  init(seed: Double?) { state = (seed ?? 0).bitPattern ^ 0x9E37_79B9_7F4A_7C15 }

  /// In [0, 1), 53 bits.
  mutating func next() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }

  /// With mean 0 and variance 1, by Box and Muller's method.
  mutating func nextNormal() -> Double {
    let radius = (-2 * Mathematics.log(1 - next())).squareRoot()
    return radius * Mathematics.cos(2 * Double.pi * next())
  }
}

/// Random numbers of a given shape, or of an input's: uniform, normal, or truths with given probabilities.
///
/// A graph without seeds is run with a fixed one: results are reproducible.
struct RandomNumbers: TensorFunction {
  enum Kind { case uniform, normal, bernoulli }

  let kind: Kind
  let shape: [Int]?
  let target: DType?
  let seed: Double?
  let first, second: Double

  init(_ attributes: AttributeReader) throws {
    kind = attributes.name.hasPrefix("RandomUniform") ? .uniform : attributes.name == "Bernoulli" ? .bernoulli : .normal
    let isLike = attributes.name.hasSuffix("Like") || kind == .bernoulli
    shape = isLike ? nil : try attributes.integers("shape", in: 0...Limits.maxDimension)
    guard isLike || shape != nil else { throw attributes.failure("needs attribute shape.") }
    target = try attributes.dtype("dtype") ?? (isLike ? nil : .float32)
    seed = try attributes.real("seed")
    first = kind == .uniform ? try attributes.real("low", 0) : kind == .normal ? try attributes.real("mean", 0) : 0
    second = kind == .uniform ? try attributes.real("high", 1) : kind == .normal ? try attributes.real("scale", 1) : 0
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    if let shape { return [ValueType(target ?? .float32, shape.map { Dimension($0) })] }
    let type = try facts.type(0)
    return [ValueType(target ?? type.dtype, type.shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let dtype = try target ?? inputs.required(0).dtype
    let shape = try self.shape ?? inputs.required(0).shape
    try Tensor.checkSize(dtype, shape)
    var numbers = SeededNumbers(seed: seed)
    let values: [Double]
    switch kind {
    case .uniform: values = (0..<shape.reduce(1, *)).map { _ in first + (second - first) * numbers.next() }
    case .normal: values = (0..<shape.reduce(1, *)).map { _ in first + second * numbers.nextNormal() }
    case .bernoulli: values = try inputs.required(0).doubles().map { numbers.next() < $0 ? 1 : 0 }
    }
    return [try Tensor(dtype: dtype, shape: shape, reals: values)]
  }
}
