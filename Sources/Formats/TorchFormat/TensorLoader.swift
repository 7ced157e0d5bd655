import Tensors

/// Makes tensors of a container's storages: views where the elements lie in order, copies where they do not.
struct TensorLoader {
  private let container: any TorchContainer
  /// The used part of each storage, by index of the storage.
  private var spans: [Int: Range<Int>] = [:]
  private var storages: [Int: TensorStorage] = [:]
  private var tensors: [Int: Tensor] = [:]

  init(_ container: any TorchContainer) { self.container = container }

  var storageCount: Int { spans.count }
  /// Bytes of the storages and of the copies, each once.
  private(set) var byteCount = 0

  /// Loads the named tensors. Names that share a tensor share its memory.
  ///
  /// - Complexity: O(bytes of the records in use), plus O(elements) for each strided tensor.
  mutating func load(_ named: [(name: String, index: Int)]) throws -> TensorCatalogue {
    try plan(Set(named.map(\.index)).sorted())
    var catalogue = TensorCatalogue()
    for (name, index) in named {
      do { try catalogue.append(name, try tensor(index)) } catch let error as EVSSMError {
        throw error.at(.init(file: container.file.path, node: name))
      }
    }
    return catalogue
  }

  /// Finds the used part of every storage, and refuses copies that would take too much memory before any is made.
  private mutating func plan(_ indices: [Int]) throws {
    var copied = 0
    for index in indices {
      let tensor = container.heap.tensors[index]
      let span = tensor.byteOffset..<tensor.byteOffset + tensor.extent
      spans[tensor.storage] = spans[tensor.storage].map { Self.union($0, span) } ?? span
      if !tensor.isContiguous {
        copied = try Checked.add(copied, tensor.count * tensor.dtype.byteCount, "The size of strided tensors")
      }
    }
    try Limits.check(
      copied, atMost: Limits.maxMaterialisedBytes(fileBytes: container.file.byteCount), name: "max_materialised",
      "The memory for strided tensors", place: .init(file: container.file.path))
    byteCount = copied + spans.values.reduce(0) { $0 + $1.count }
  }

  private static func union(_ a: Range<Int>, _ b: Range<Int>) -> Range<Int> {
    if a.isEmpty { return b }
    if b.isEmpty { return a }
    return min(a.lowerBound, b.lowerBound)..<max(a.upperBound, b.upperBound)
  }

  private mutating func tensor(_ index: Int) throws -> Tensor {
    if let known = tensors[index] { return known }
    let pickled = container.heap.tensors[index]
    let storage = try storage(pickled)
    let base = pickled.count == 0 ? 0 : pickled.byteOffset - (spans[pickled.storage]?.lowerBound ?? 0)
    let made =
      if pickled.isContiguous {
        try Tensor(dtype: pickled.dtype, shape: pickled.shape, storage: storage, byteOffset: base)
      } else {
        try pickled.gathered(from: UnsafeRawBufferPointer(rebasing: storage.bytes[base...]), owner: storage)
      }
    tensors[index] = made
    return made
  }

  private mutating func storage(_ tensor: PickledTensor) throws -> TensorStorage {
    if let known = storages[tensor.storage] { return known }
    let pickled = container.heap.storages[tensor.storage]
    let span = spans[tensor.storage] ?? 0..<0
    if container.byteOrder == .big, pickled.dtype == nil, tensor.dtype.byteCount > 1 {
      throw EVSSMError(
        "torch.byte-order",
        "A big-endian checkpoint with untyped storages is not read: save it on a little-endian machine.")
    }
    let made = try TensorStorage(byteCount: span.count) { target in
      try container.read(pickled, span, into: target)
      if container.byteOrder == .big { Self.swapBytes(target, elementSize: pickled.elementSize) }
    }
    storages[tensor.storage] = made
    return made
  }

  /// Turns big-endian numbers into little-endian ones. The span starts and ends between elements.
  private static func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, elementSize: Int) {
    guard elementSize > 1 else { return }
    for start in stride(from: 0, to: bytes.count - elementSize + 1, by: elementSize) {
      for i in 0..<elementSize / 2 { bytes.swapAt(start + i, start + elementSize - 1 - i) }
    }
  }
}
