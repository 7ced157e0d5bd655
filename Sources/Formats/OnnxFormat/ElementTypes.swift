import Tensors

/// Element types by their numbers in the file (`TensorProto.DataType`).
enum ElementType {
  private static let supported: [Int32: DType] = [
    1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16, 11: .float64,
    12: .uint32, 13: .uint64, 16: .bfloat16, 17: .float8e4m3fn, 18: .float8e4m3fnuz, 19: .float8e5m2,
    20: .float8e5m2fnuz,
    21: .uint4, 22: .int4, 23: .float4e2m1, 24: .float8e8m0, 25: .uint2, 26: .int2,
  ]
  private static let others: [Int32: String] = [
    8: "string", 14: "complex64", 15: "complex128", 27: "float6e2m3", 28: "float6e3m2",
  ]

  /// Throws `onnx.element-type`, with the type's name, for a type that is not supported.
  static func dtype(_ number: Int32) throws -> DType {
    if let dtype = supported[number] { return dtype }
    let name = others[number].map { "\($0) is not supported" } ?? "\(number) is unknown"
    throw EVSSMError("onnx.element-type", "The element type \(name).")
  }

  /// The number of an element type.
  static func number(_ dtype: DType) -> Int32 { supported.first { $0.value == dtype }?.key ?? 0 }
}
