import Tensors

/// The classes and functions that a checkpoint may name. Naming one runs nothing; all others are refused by name.
enum PickleGlobal: Sendable, Hashable {
  case orderedDict
  case rebuildTensor
  case rebuildTensorV2
  case rebuildTensorV3
  case rebuildParameter
  case size
  case device
  case dtype(DType)
  case storage(DType)
  case untypedStorage

  /// Module and name are compared apart: joined by a dot, `torch` + `_utils.x` would pass for `torch._utils` + `x`.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDict
    case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorV3
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", "Size"): self = .size
    case ("torch", "device"): self = .device
    case ("torch.storage", "UntypedStorage"): self = .untypedStorage
    case ("torch", _), ("torch.cuda", _):
      if let type = Self.storageTypes[name] {
        self = .storage(type)
      } else if module == "torch", let type = Self.elementTypes[name] {
        self = .dtype(type)
      } else {
        return nil
      }
    default: return nil
    }
  }

  private static let storageTypes: [String: DType] = [
    "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "DoubleStorage": .float64,
    "CharStorage": .int8, "ShortStorage": .int16, "IntStorage": .int32, "LongStorage": .int64, "ByteStorage": .uint8,
    "BoolStorage": .bool,
  ]

  private static let elementTypes: [String: DType] = [
    "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "float64": .float64, "int8": .int8,
    "int16": .int16, "int32": .int32, "int64": .int64, "uint8": .uint8, "uint16": .uint16, "uint32": .uint32,
    "uint64": .uint64, "bool": .bool,
  ]

  /// The error for a name that is not on the list.
  static func refusal(module: String, name: String) -> EVSSMError {
    let full = EVSSMError.escaped("\(module).\(name)")
    let advice =
      if unreadable.contains(where: { name.contains($0) }) {
        "Tensors of this kind are not read: only dense ones of plain number types."
      } else {
        "Save the tensors alone, as torch.save(model.state_dict(), path) does."
      }
    return EVSSMError(
      "pickle.global", "The checkpoint asks for \(full), which is not on the list of what a checkpoint needs. \(advice)"
    )
  }

  /// Parts of the names of torch's other tensor kinds.
  private static let unreadable = [
    "Complex", "complex", "float8", "float4", "qint", "QInt", "QUInt", "quint", "qtensor", "sparse", "nested", "meta",
    "xla", "DTensor", "wrapper_subclass", "from_type", "device_tensor", "bits",
  ]
}
