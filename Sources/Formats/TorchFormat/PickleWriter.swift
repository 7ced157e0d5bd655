import Tensors

/// Writes the pickle of a dict of tensors, protocol 2, as `torch.save` would without its memo.
struct PickleWriter {
  private(set) var bytes: [UInt8] = [0x80, 2]

  /// The pickle of `{wrapper: OrderedDict(catalogue)}`, or of the OrderedDict itself. Storage `i` is that of tensor
  /// `i`.
  static func pickle(_ catalogue: TensorCatalogue, wrapper: String?) -> [UInt8] {
    var writer = PickleWriter()
    if let wrapper {
      writer.opcodes("}")
      writer.text(wrapper)
    }
    writer.orderedDict()
    writer.opcodes("(")
    for (index, name) in catalogue.names.enumerated() {
      guard let tensor = catalogue[name] else { continue }
      writer.text(name)
      writer.tensor(tensor, key: index)
    }
    writer.opcodes("u")
    writer.opcodes(wrapper == nil ? "." : "s.")
    return writer.bytes
  }

  private mutating func opcodes(_ opcodes: StaticString) {
    opcodes.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func global(_ module: String, _ name: String) {
    bytes += "c\(module)\n\(name)\n".utf8
  }

  private mutating func text(_ text: String) {
    opcodes("X")
    field(UInt64(text.utf8.count), byteCount: 4)
    bytes += text.utf8
  }

  private mutating func field(_ value: UInt64, byteCount: Int) {
    for i in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }

  private mutating func integer(_ value: Int) {
    switch value {
    case 0..<0x100:
      opcodes("K")
      field(UInt64(value), byteCount: 1)
    case 0..<0x8000_0000:
      opcodes("J")
      field(UInt64(value), byteCount: 4)
    default:
      bytes += [0x8A, 8]
      field(UInt64(bitPattern: Int64(value)), byteCount: 8)
    }
  }

  private mutating func integers(_ values: [Int]) {
    opcodes("(")
    for value in values { integer(value) }
    opcodes("t")
  }

  private mutating func orderedDict() {
    global("collections", "OrderedDict")
    opcodes(")R")
  }

  private mutating func tensor(_ tensor: Tensor, key: Int) {
    let storage = Self.storageNames[tensor.dtype]
    global("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    opcodes("((")
    text("storage")
    if let storage { global("torch", storage) } else { global("torch.storage", "UntypedStorage") }
    text(String(key))
    text("cpu")
    integer(storage == nil ? tensor.byteCount : tensor.elementCount)
    opcodes("tQ")
    integer(0)
    integers(tensor.shape)
    integers(Self.rowMajorStrides(tensor.shape))
    bytes.append(0x89)
    orderedDict()
    if storage == nil { global("torch", tensor.dtype.rawValue) }
    opcodes("tR")
  }

  /// As torch counts them: an empty dimension counts as one.
  private static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for i in shape.indices.dropLast().reversed() { strides[i] = strides[i + 1] &* max(1, shape[i + 1]) }
    return strides
  }

  /// Types without a storage class of their own are written as PyTorch writes them: on untyped storages.
  private static let storageNames: [DType: String] = [
    .float32: "FloatStorage", .float16: "HalfStorage", .bfloat16: "BFloat16Storage", .float64: "DoubleStorage",
    .int8: "CharStorage", .int16: "ShortStorage", .int32: "IntStorage", .int64: "LongStorage", .uint8: "ByteStorage",
    .bool: "BoolStorage",
  ]
}
