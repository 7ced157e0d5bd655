/// Floating-point numbers of eight bits and fewer, as bit patterns.
///
/// Source: the "Float stored in 8 bits" and "4 bits" documents of ONNX; OCP Microscaling formats 1.0 for E8M0 and E2M1.
package struct NarrowFloat: Sendable {
  /// How a scale (E8M0), which is a power of two, is found.
  package enum Rounding: String, Sendable { case up, down, nearest }

  private let exponentBits, fractionBits, bias: Int
  private let hasSign: Bool
  /// The patterns without sign from here on are infinity (the first, if any) and NaN.
  private let infinity: Int?
  private let notANumber: Int?
  private let largest: Int
  /// One zero, and NaN in the place of the other (`fnuz`).
  private let isUnsignedZero: Bool

  /// Nil for a type that is none of these.
  package init?(_ dtype: DType) {
    switch dtype {
    case .float8e4m3fn: self.init(4, 3, bias: 7, largest: 0x7E, notANumber: 0x7F)
    case .float8e4m3fnuz: self.init(4, 3, bias: 8, largest: 0x7F, notANumber: 0x80, isUnsignedZero: true)
    case .float8e5m2: self.init(5, 2, bias: 15, largest: 0x7B, notANumber: 0x7F, infinity: 0x7C)
    case .float8e5m2fnuz: self.init(5, 2, bias: 16, largest: 0x7F, notANumber: 0x80, isUnsignedZero: true)
    case .float8e8m0: self.init(8, 0, bias: 127, largest: 0xFE, notANumber: 0xFF, hasSign: false)
    case .float4e2m1: self.init(2, 1, bias: 1, largest: 7, notANumber: nil)
    default: return nil
    }
  }

  private init(
    _ exponentBits: Int, _ fractionBits: Int, bias: Int, largest: Int, notANumber: Int?, infinity: Int? = nil,
    isUnsignedZero: Bool = false, hasSign: Bool = true
  ) {
    self.exponentBits = exponentBits
    self.fractionBits = fractionBits
    self.bias = bias
    self.hasSign = hasSign
    self.infinity = infinity
    self.notANumber = notANumber
    self.largest = largest
    self.isUnsignedZero = isUnsignedZero
  }

  private var signBit: Int { hasSign ? 1 << (exponentBits + fractionBits) : 0 }

  /// The number that a pattern stands for.
  package func value(_ bits: UInt8) -> Double {
    let pattern = Int(bits)
    if isUnsignedZero, pattern == notANumber { return .nan }
    let isNegative = hasSign && pattern & signBit != 0
    let magnitude = hasSign ? pattern & (signBit - 1) : pattern
    if magnitude == infinity { return isNegative ? -.infinity : .infinity }
    if magnitude > largest { return notANumber == nil ? 0 : .nan }
    if !hasSign { return Double(sign: .plus, exponent: magnitude - bias, significand: 1) }
    let (exponent, fraction) = (magnitude >> fractionBits, magnitude & ((1 << fractionBits) - 1))
    let unit = Double(sign: .plus, exponent: max(exponent, 1) - bias - fractionBits, significand: 1)
    let value = Double(fraction + (exponent > 0 ? 1 << fractionBits : 0)) * unit
    return isNegative ? -value : value
  }

  /// The pattern nearest to `value`, ties to even. Beyond the largest number it is that one, or (not `saturates`)
  /// infinity or NaN where the format has them.
  package func bits(_ value: Double, saturates: Bool = true, rounding: Rounding = .up) -> UInt8 {
    if value.isNaN { return UInt8(truncatingIfNeeded: notANumber ?? 0) }
    if !hasSign { return power(value, rounding) }
    let sign = value.sign == .minus ? signBit : 0
    let magnitude = value.magnitude
    // One step of the format at this magnitude; subnormals share the step of the smallest normal.
    let exponent = magnitude == 0 || magnitude.isInfinite ? 1 - bias : max(Int(magnitude.exponent), 1 - bias)
    let step = Double(sign: .plus, exponent: exponent - fractionBits, significand: 1)
    let units = (magnitude / step).rounded(.toNearestOrEven)
    let pattern = units < 1024 ? Int(units) + (exponent - (1 - bias)) << fractionBits : Int.max
    if pattern > largest {
      guard !saturates, let special = infinity ?? notANumber else { return UInt8(truncatingIfNeeded: sign | largest) }
      return UInt8(truncatingIfNeeded: isUnsignedZero ? special : sign | special)
    }
    return UInt8(truncatingIfNeeded: pattern == 0 && isUnsignedZero ? 0 : sign | pattern)
  }

  /// The exponent of a positive number as a power of two.
  private func power(_ value: Double, _ rounding: Rounding) -> UInt8 {
    guard value.isFinite else { return value < 0 ? 0 : 0xFE }
    guard value != 0 else { return 0 }
    let magnitude = value.magnitude
    var exponent = Int(magnitude.exponent)
    let rest = magnitude / Double(sign: .plus, exponent: exponent, significand: 1)
    switch rounding {
    case .up: if rest > 1 { exponent += 1 }
    case .down: break
    case .nearest: if rest >= 1.5 { exponent += 1 }
    }
    return UInt8(min(max(exponent + bias, 0), largest))
  }
}
