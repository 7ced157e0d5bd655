import Tensors

extension DType {
  /// The format's name of the type.
  var safetensorsName: String {
    switch self {
    case .float64: "F64"
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .int64: "I64"
    case .int32: "I32"
    case .int16: "I16"
    case .int8: "I8"
    case .uint64: "U64"
    case .uint32: "U32"
    case .uint16: "U16"
    case .uint8: "U8"
    case .bool: "BOOL"
    // Not written: catalogues hold none of these.
    default: rawValue
    }
  }

  /// The type of that name; nil when the format has none of that name or this package does not read it.
  init?(safetensorsName name: String) {
    guard let found = Self.bySafetensorsName[name] else { return nil }
    self = found
  }

  private static let bySafetensorsName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.safetensorsName, $0) })

  /// Types that the format defines and this package refuses by name.
  static let unreadSafetensorsNames: Set<String> = [
    "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64",
  ]
}
