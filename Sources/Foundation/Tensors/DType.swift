/// The type of a tensor's elements.
package enum DType: String, Sendable, Hashable, CaseIterable {
  case float32, float16, bfloat16, float64
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case bool
  /// Types below a byte; in memory each element has one.
  case int4, uint4, int2, uint2
  /// Eight bits and fewer: see ``NarrowFloat``.
  case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0, float4e2m1

  /// The types that checkpoints hold. The narrow ones after ``bool`` occur in graphs alone.
  package static let allCases: [DType] = [
    .float32, .float16, .bfloat16, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool,
  ]
  /// The types of less than 16 bits that only graphs have.
  package static let narrowCases: [DType] = [
    .int4, .uint4, .int2, .uint2, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0,
    .float4e2m1,
  ]

  /// Bytes an element in memory.
  package var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool, .int4, .uint4, .int2, .uint2: 1
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  package var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: NarrowFloat(self) != nil
    }
  }

  /// Bits an element has in a file.
  package var bitCount: Int {
    switch self {
    case .int4, .uint4, .float4e2m1: 4
    case .int2, .uint2: 2
    default: byteCount * 8
    }
  }
}
