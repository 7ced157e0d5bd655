extension Tensor {
  /// The elements as float32: exact for float32, float16, bfloat16 and integers up to 24 bits, rounded to nearest for
  /// the others.
  ///
  /// - Complexity: O(elements), one allocation.
  package func floats() -> [Float] {
    if dtype == .float32 {
      return [Float](unsafeUninitializedCapacity: elementCount) { out, initialized in
        withUnsafeBytes { UnsafeMutableRawBufferPointer(out).copyMemory(from: $0) }
        initialized = elementCount
      }
    }
    return convert(Float.self) {
      Float($0)
    } integer: {
      Float($0)
    }
  }

  /// The elements as float64: exact for every type but 64-bit integers over 53 bits.
  ///
  /// - Complexity: O(elements), one allocation.
  package func doubles() -> [Double] {
    convert(Double.self) {
      $0
    } integer: {
      Double($0)
    }
  }

  private func convert<Value>(
    _: Value.Type, _ floating: (Double) -> Value, integer: (Int64) -> Value
  ) -> [Value] {
    let count = elementCount
    return withUnsafeBytes { bytes in
      [Value](unsafeUninitializedCapacity: count) { out, initialized in
        func fill(_ element: (Int) -> Value) {
          for i in 0..<count { out.initializeElement(at: i, to: element(i)) }
        }
        func load<Element: BitwiseCopyable>(_ i: Int, _: Element.Type) -> Element {
          bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Element>.size, as: Element.self)
        }
        switch dtype {
        case .float32: fill { floating(Double(load($0, Float.self))) }
        case .float64: fill { floating(load($0, Double.self)) }
        case .float16: fill { floating(Double(HalfPrecision.float(fromBinary16: load($0, UInt16.self)))) }
        case .bfloat16: fill { floating(Double(HalfPrecision.float(fromBFloat16: load($0, UInt16.self)))) }
        case .int8: fill { integer(Int64(load($0, Int8.self))) }
        case .int16: fill { integer(Int64(load($0, Int16.self))) }
        case .int32: fill { integer(Int64(load($0, Int32.self))) }
        case .int64: fill { integer(load($0, Int64.self)) }
        case .uint8: fill { integer(Int64(load($0, UInt8.self))) }
        case .uint16: fill { integer(Int64(load($0, UInt16.self))) }
        case .uint32: fill { integer(Int64(load($0, UInt32.self))) }
        case .uint64: fill { floating(Double(load($0, UInt64.self))) }
        case .bool: fill { integer(load($0, UInt8.self) == 0 ? 0 : 1) }
        case .int4, .int2: fill { integer(Int64(load($0, Int8.self))) }
        case .uint4, .uint2: fill { integer(Int64(load($0, UInt8.self))) }
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1:
          let format = NarrowFloat(dtype)
          fill { floating(format?.value(load($0, UInt8.self)) ?? 0) }
        }
        initialized = count
      }
    }
  }

  /// The same values in another floating-point type, rounded to nearest even.
  package func converted(to target: DType) throws -> Tensor {
    if target == dtype { return self }
    guard dtype.isFloatingPoint, target.isFloatingPoint else {
      throw EVSSMError(
        "tensor.conversion", "Only floating-point tensors are converted; this is \(dtype.rawValue).", category: .usage)
    }
    let values = doubles()
    return try Tensor(dtype: target, shape: shape) { bytes in
      for (i, value) in values.enumerated() {
        switch target {
        case .float64: bytes.storeBytes(of: value, toByteOffset: i * 8, as: Double.self)
        case .float32: bytes.storeBytes(of: Float(value), toByteOffset: i * 4, as: Float.self)
        case .float16: bytes.storeBytes(of: HalfPrecision.binary16(value), toByteOffset: i * 2, as: UInt16.self)
        default: bytes.storeBytes(of: HalfPrecision.bfloat16(value), toByteOffset: i * 2, as: UInt16.self)
        }
      }
    }
  }
}

/// IEEE 754 binary16 and bfloat16 as bit patterns.
///
/// Written out because `Float16` is not available to Swift on every x86-64 platform.
package enum HalfPrecision {
  package static func float(fromBFloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  package static func float(fromBinary16 bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x3FF)
    if exponent == 0 {
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    }
    if exponent == 31 { return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13) }
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }

  /// `value` rounded to nearest even in bfloat16; a NaN stays a quiet NaN.
  package static func bfloat16(_ value: Double) -> UInt16 { narrow(value, exponentBits: 8, fractionBits: 7) }

  /// `value` rounded to nearest even in binary16; a NaN stays a quiet NaN.
  package static func binary16(_ value: Double) -> UInt16 { narrow(value, exponentBits: 5, fractionBits: 10) }

  private static func narrow(_ value: Double, exponentBits: Int, fractionBits: Int) -> UInt16 {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let maximum = UInt16((1 << exponentBits) - 1) << UInt16(fractionBits)
    if value.isNaN { return sign | maximum | 1 << UInt16(fractionBits - 1) }
    let bias = (1 << (exponentBits - 1)) - 1
    let magnitude = value.magnitude
    if magnitude == 0 { return sign }
    if magnitude.isInfinite { return sign | maximum }
    // One step of the target at this magnitude; subnormals share the step of the smallest normal.
    let exponent = max(Int(magnitude.exponent), 1 - bias)
    let step = Double(sign: .plus, exponent: exponent - fractionBits, significand: 1)
    let units = (magnitude / step).rounded(.toNearestOrEven)
    if exponent > bias { return sign | maximum }
    let encoded = Int(units) + (exponent - (1 - bias)) << fractionBits
    return sign | UInt16(min(encoded, Int(maximum)))
  }
}
