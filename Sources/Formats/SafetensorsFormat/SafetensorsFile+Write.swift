import JSON
import Tensors

extension SafetensorsFile {
  /// Where the data starts and what the writer rounds it up to, in bytes.
  static let dataAlignment = 64

  /// Writes `catalogue` as a safetensors file. The same tensors in the same order give the same bytes.
  ///
  /// The header keeps the catalogue's order; the data lies by falling element size, so every tensor is aligned to its
  /// element. The file appears under `path` only when it is complete.
  /// - Throws: `tensor-name.unsafe`, `limit.exceeded`, `file.unwritable`.
  package static func write(_ catalogue: TensorCatalogue, metadata: [String: String] = [:], to path: String) throws {
    let tensors = try checkedTensors(of: catalogue)
    let header = try headerBytes(tensors, metadata)
    let file = try OutputFile(path)
    try file.write(header)
    for (_, tensor) in dataOrder(tensors) { try tensor.withUnsafeBytes { try file.write($0) } }
    try file.commit()
  }

  private static func checkedTensors(of catalogue: TensorCatalogue) throws -> [(name: String, tensor: Tensor)] {
    try Limits.check(catalogue.count, atMost: Limits.maxTensorCount, name: "max_tensor_count", "The number of tensors")
    return try catalogue.names.compactMap { name in
      try TensorName.check(name)
      return catalogue[name].map { (name, $0) }
    }
  }

  /// Stable: equal element sizes keep the catalogue's order.
  private static func dataOrder(_ tensors: [(name: String, tensor: Tensor)]) -> [(name: String, tensor: Tensor)] {
    [8, 4, 2, 1].flatMap { size in tensors.filter { $0.tensor.dtype.byteCount == size } }
  }

  private static func headerBytes(_ tensors: [(name: String, tensor: Tensor)], _ metadata: [String: String]) throws
    -> [UInt8]
  {
    var offsets: [String: Int] = [:]
    var end = 0
    for (name, tensor) in dataOrder(tensors) {
      offsets[name] = end
      end = try Checked.add(end, tensor.byteCount, "The size of all tensors")
    }
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSONValue.string($0.value)) }
      members.append(("__metadata__", .object(pairs)))
    }
    for (name, tensor) in tensors { members.append((name, entry(tensor, begin: offsets[name] ?? 0))) }
    var json = JSONValue.object(members).bytes(JSONStyle(isSpaced: false, escapesDelete: false))
    let dataStart = try Checked.roundUp(8 + json.count, to: dataAlignment)
    json += [UInt8](repeating: UInt8(ascii: " "), count: dataStart - 8 - json.count)
    try Limits.check(
      json.count, atMost: Limits.maxSafetensorsHeaderBytes, name: "max_safetensors_header",
      "The length of the header in bytes")
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  private static func entry(_ tensor: Tensor, begin: Int) -> JSONValue {
    [
      "dtype": .string(tensor.dtype.safetensorsName), "shape": JSONValue(tensor.shape),
      "data_offsets": [.integer(begin), .integer(begin + tensor.byteCount)],
    ]
  }
}
