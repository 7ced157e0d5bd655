import Tensors

/// A function of two numbers, with broadcasting: arithmetic, powers, remainders, shifts and bits, PRelu and SwiGLU.
///
/// Integers wrap; a division of integers rounds towards zero. A division of integers by zero is refused.
struct Arithmetic: TensorFunction {
  /// Named as in ONNX.
  enum Function: String, Sendable, CaseIterable {
    case add = "Add", sub = "Sub", mul = "Mul", div = "Div", pow = "Pow", mod = "Mod", pRelu = "PRelu"
    case bitShift = "BitShift", bitwiseAnd = "BitwiseAnd", bitwiseOr = "BitwiseOr", bitwiseXor = "BitwiseXor"
    case swiGLU = "SwiGLU"
  }

  let function: Function
  /// Mod as C's fmod; a shift to the left.
  let isVariant: Bool
  let alpha: Double

  init(_ attributes: AttributeReader) throws {
    guard let function = Function(rawValue: attributes.name) else { throw attributes.failure("is no function.") }
    self.function = function
    alpha = try attributes.real("alpha", 1)
    switch function {
    case .mod: isVariant = try attributes.flag("fmod")
    case .bitShift: isVariant = try attributes.choice("direction", "", of: ["LEFT", "RIGHT"]) == "LEFT"
    default: isVariant = false
    }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let a = try facts.type(0)
    let b = try facts.type(1)
    guard a.dtype == b.dtype || function == .pow else { throw facts.failure("needs two inputs of one element type") }
    guard a.dtype != .bool else { throw facts.failure("needs numbers") }
    switch function {
    case .bitShift, .bitwiseAnd, .bitwiseOr, .bitwiseXor:
      guard a.dtype.isInteger else { throw facts.failure("needs integers") }
    default: break
    }
    return [ValueType(a.dtype, try facts.broadcast([a.shape, b.shape]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let shape = try Shapes.broadcast([a.shape, b.shape])
    try Tensor.checkSize(a.dtype, shape)
    let maps = try [Shapes.map(a.shape, to: shape), Shapes.map(b.shape, to: shape)]
    let count = shape.reduce(1, *)
    if a.dtype.isFloatingPoint || (function == .pow && b.dtype.isFloatingPoint) {
      let values = pairs(a.doubles(), b.doubles(), maps, count, real)
      return [try Tensor(dtype: a.dtype, shape: shape, reals: values)]
    }
    let (x, y) = (a.integers(), b.integers())
    if function == .div || function == .mod, y.contains(0) { throw valueError("An integer is divided by zero.") }
    let bits = a.dtype.byteCount * 8
    let isUnsigned = a.dtype.isUnsigned
    return [
      try Tensor(
        dtype: a.dtype, shape: shape,
        integers: pairs(x, y, maps, count) { integer($0, $1, bits: bits, isUnsigned: isUnsigned) })
    ]
  }

  private var real: (Double, Double) -> Double {
    switch function {
    case .add: { $0 + $1 }
    case .sub: { $0 - $1 }
    case .mul: { $0 * $1 }
    case .div: { $0 / $1 }
    case .pow: { Mathematics.pow($0, $1) }
    case .mod: isVariant ? { Mathematics.remainder($0, $1) } : { Self.floorRemainder($0, $1) }
    case .pRelu: { $0 < 0 ? $0 * $1 : $0 }
    case .swiGLU: { [alpha] in $0 * Mathematics.sigmoid(alpha * $0) * $1 }
    default: { a, _ in a }
    }
  }

  private func integer(_ a: Int64, _ b: Int64, bits: Int, isUnsigned: Bool) -> Int64 {
    switch function {
    case .add: a &+ b
    case .sub: a &- b
    case .mul: a &* b
    case .div: Self.quotient(a, b, isUnsigned)
    case .pow: Self.power(a, b)
    case .mod: remainder(a, b, isUnsigned)
    case .pRelu: !isUnsigned && a < 0 ? a &* b : a
    case .bitShift: shift(a, b, bits: bits, isUnsigned: isUnsigned)
    case .bitwiseAnd: a & b
    case .bitwiseOr: a | b
    case .bitwiseXor: a ^ b
    case .swiGLU: a
    }
  }

  private static func quotient(_ a: Int64, _ b: Int64, _ isUnsigned: Bool) -> Int64 {
    if isUnsigned { return Int64(bitPattern: UInt64(bitPattern: a) / UInt64(bitPattern: b)) }
    return a.dividedReportingOverflow(by: b).partialValue
  }

  /// The remainder with the sign of the divisor, or of the dividend as C's fmod.
  private func remainder(_ a: Int64, _ b: Int64, _ isUnsigned: Bool) -> Int64 {
    if isUnsigned { return Int64(bitPattern: UInt64(bitPattern: a) % UInt64(bitPattern: b)) }
    let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
    return isVariant || rest == 0 || (rest < 0) == (b < 0) ? rest : rest &+ b
  }

  /// The remainder with the sign of the divisor; an infinite divisor of another sign is the remainder itself.
  private static func floorRemainder(_ a: Double, _ b: Double) -> Double {
    let rest = Mathematics.remainder(a, b)
    if rest == 0 { return b.sign == .minus ? -0.0 : 0 }
    return rest.isNaN || (rest < 0) == (b < 0) ? rest : rest + b
  }

  /// Signed numbers keep their sign when they go to the right; a shift by more than the width leaves nothing but it.
  private func shift(_ a: Int64, _ b: Int64, bits: Int, isUnsigned: Bool) -> Int64 {
    let isInside = b >= 0 && b < Int64(bits)
    if !isVariant, !isUnsigned { return isInside ? a >> b : a < 0 ? -1 : 0 }
    guard isInside else { return 0 }
    let value = UInt64(bitPattern: a) & (bits == 64 ? UInt64.max : (1 << UInt64(bits)) - 1)
    return Int64(bitPattern: isVariant ? value << UInt64(b) : value >> UInt64(b))
  }

  /// By repeated squaring; a negative exponent gives 0 unless the base is ±1.
  private static func power(_ base: Int64, _ exponent: Int64) -> Int64 {
    if exponent < 0 { return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0 }
    var (result, factor, rest) = (Int64(1), base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = result &* factor }
      factor = factor &* factor
      rest >>= 1
    }
    return result
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard let a = facts.value(0)?.sizes, let b = facts.value(1)?.sizes else { return [] }
    guard a.count == b.count || a.count == 1 || b.count == 1 else { return [] }
    let isScalar = facts.value(0)?.isScalar == true && facts.value(1)?.isScalar == true
    var out: [Dimension] = []
    for i in 0..<(a.isEmpty || b.isEmpty ? 0 : max(a.count, b.count)) {
      guard let size = try size(a[a.count == 1 ? 0 : i], b[b.count == 1 ? 0 : i]) else { return [] }
      out.append(size)
    }
    return [.sizes(out, isScalar: isScalar)]
  }

  /// Whether a size is negative where all symbols are large.
  private static func isNegative(_ size: Dimension) throws -> Bool {
    try size.bound(Dictionary(uniqueKeysWithValues: size.symbols.map { ($0, 1 << 12) })) < 0
  }

  /// Sizes are not negative, so a quotient rounded towards zero is one rounded down.
  private func size(_ a: Dimension, _ b: Dimension) throws -> Dimension? {
    switch function {
    case .add: return try a.plus(b)
    case .sub: return try a.minus(b)
    case .mul: return try a.times(b)
    case .div:
      guard let divisor = b.known, divisor > 0 else { return try a.dividedExactly(by: b) }
      return try a.dividedRoundingDown(by: divisor)
    case .mod:
      guard let divisor = b.known, divisor > 0 else { return nil }
      // Both forms are a − d·⌊a/d⌋ = d·⌈−a/d⌉ + a; of what is missing to a multiple, −x mod d, the second one is that of padded sizes.
      let negated = try a.times(-1)
      if try Self.isNegative(a) { return try negated.roundedUp(toMultipleOf: divisor).minus(negated) }
      return try a.minus(a.dividedRoundingDown(by: divisor).times(divisor))
    default: return nil
    }
  }
}

/// `function` of the elements of two arrays that `maps` stretch to `count` elements.
func pairs<Value, Result>(
  _ a: [Value], _ b: [Value], _ maps: [[Int]?], _ count: Int, _ function: (Value, Value) -> Result
) -> [Result] {
  switch (maps[0], maps[1]) {
  case (nil, nil): (0..<count).map { function(a[$0], b[$0]) }
  case (let left?, nil): (0..<count).map { function(a[left[$0]], b[$0]) }
  case (nil, let right?): (0..<count).map { function(a[$0], b[right[$0]]) }
  case (let left?, let right?): (0..<count).map { function(a[left[$0]], b[right[$0]]) }
  }
}
