import Tensors

extension DType {
  /// The element type with this number in ONNX (`TensorProto.DataType`); nil for one that is not supported.
  package init?(onnxCode code: Int) {
    guard let type = Self.onnxCodes.first(where: { $0.value == code })?.key else { return nil }
    self = type
  }

  /// The number of the element type in ONNX.
  package var onnxCode: Int { Self.onnxCodes[self] ?? 0 }

  private static let onnxCodes: [DType: Int] = [
    .float32: 1, .uint8: 2, .int8: 3, .uint16: 4, .int16: 5, .int32: 6, .int64: 7, .bool: 9, .float16: 10,
    .float64: 11, .uint32: 12, .uint64: 13, .bfloat16: 16, .float8e4m3fn: 17, .float8e4m3fnuz: 18, .float8e5m2: 19,
    .float8e5m2fnuz: 20, .uint4: 21, .int4: 22, .float4e2m1: 23, .float8e8m0: 24, .uint2: 25, .int2: 26,
  ]
}

extension AttributeReader {
  /// The element type that an attribute names; nil when the attribute is missing.
  func dtype(_ name: String) throws -> DType? {
    guard let code = try integer(name) else { return nil }
    guard let type = DType(onnxCode: code) else {
      throw EVSSMError(
        "graph.attribute", "Operator \(self.name) has \(name) \(code), an element type that is not supported.")
    }
    return type
  }
}

/// The same numbers in another element type: rounded to nearest even, cut off towards zero for integers.
struct Cast: TensorFunction {
  /// The type to give; nil: that of the second input (CastLike).
  let target: DType?
  /// Whether narrow floating-point types hold their largest number in place of infinity or NaN.
  let saturates: Bool
  let rounding: NarrowFloat.Rounding

  init(_ attributes: AttributeReader) throws {
    target = try attributes.dtype("to")
    saturates = try attributes.flag("saturate", true)
    rounding =
      NarrowFloat.Rounding(
        rawValue: try attributes.choice("round_mode", "up", of: ["up", "down", "nearest"])) ?? .up
    guard target != nil || attributes.name == "CastLike" else { throw attributes.failure("needs attribute to.") }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    [ValueType(try target ?? facts.type(1).dtype, try facts.shape(0))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    return [try input.cast(to: try target ?? inputs.required(1).dtype, saturates: saturates, rounding: rounding)]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    let type = try target ?? facts.type(1).dtype
    guard type == .int64 || type == .int32, case .sizes? = facts.value(0) else { return [] }
    return [facts.value(0)]
  }
}

extension Tensor {
  /// The same numbers in another element type.
  func cast(to target: DType, saturates: Bool = true, rounding: NarrowFloat.Rounding = .up) throws -> Tensor {
    if target == dtype { return self }
    try Tensor.checkSize(target, shape)
    if dtype.isFloatingPoint {
      return try Tensor(dtype: target, shape: shape, reals: doubles(), saturates: saturates, rounding: rounding)
    }
    return dtype == .uint64 && target.isFloatingPoint
      ? try Tensor(dtype: target, shape: shape, reals: doubles())
      : try Tensor(dtype: target, shape: shape, integers: integers())
  }
}

/// The same bits as another element type of the same width.
struct BitCast: TensorFunction {
  let target: DType

  init(_ attributes: AttributeReader) throws {
    guard let target = try attributes.dtype("to") else { throw attributes.failure("needs attribute to.") }
    self.target = target
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.dtype.bitCount == target.bitCount else { throw facts.failure("needs element types of one width") }
    return [ValueType(target, type.shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    if target.bitCount < 8 {
      // Elements below a byte are extended by their signs in memory.
      return [try Tensor(dtype: target, shape: input.shape, integers: input.withUnsafeBytes { $0.map { Int64($0) } })]
    }
    return [try Tensor(dtype: target, shape: input.shape, storage: input.storage, byteOffset: input.byteOffset)]
  }
}
