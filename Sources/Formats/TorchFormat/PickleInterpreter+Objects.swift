import Tensors

// MARK: Globals

extension PickleInterpreter {
  mutating func pushGlobal() throws {
    let module = try line()
    let name = try line()
    try pushGlobal(module: module, name: name)
  }

  mutating func pushStackGlobal() throws {
    guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
      throw EVSSMError("pickle.global", "STACK_GLOBAL needs two strings.")
    }
    for range in [module, name] { try checkNameLength(Int(range.count)) }
    try pushGlobal(module: text(module), name: text(name))
  }

  private mutating func pushGlobal(module: String, name: String) throws {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw PickleGlobal.refusal(module: module, name: name)
    }
    try push(.global(global))
  }

  /// The text up to a line feed, which is passed over.
  private mutating func line() throws -> String {
    let start = position
    while try byte() != 0x0A { try checkNameLength(position - start) }
    guard let line = String(validating: bytes[start..<position - 1], as: UTF8.self) else {
      throw EVSSMError("pickle.utf8", "The name of a global is not UTF-8.")
    }
    return line
  }

  private func checkNameLength(_ count: Int) throws {
    if count > Limits.maxGlobalNameBytes {
      try Limits.check(
        count, atMost: Limits.maxGlobalNameBytes, name: "max_global_name", "The length of a global's name")
    }
  }
}

// MARK: Calls

extension PickleInterpreter {
  /// REDUCE: what calling one of the listed globals would have made.
  mutating func reduce() throws {
    guard case .tuple(let index) = try pop() else {
      throw EVSSMError("pickle.reduce", "REDUCE needs its arguments as a tuple.")
    }
    let callee = try pop()
    guard case .global(let global) = callee else {
      throw EVSSMError("pickle.reduce", "REDUCE calls a \(callee.typeName), which is no function of the list.")
    }
    try push(result(of: global, heap.tuple(index)))
  }

  private mutating func result(of global: PickleGlobal, _ arguments: ArraySlice<PickleValue>) throws -> PickleValue {
    let arguments = Array(arguments.prefix(9))
    switch global {
    case .orderedDict:
      try checkCount(arguments, 0...0, "OrderedDict")
      return try heap.makeDictionary(ordered: true)
    case .rebuildTensor:
      try checkCount(arguments, 4...4, "_rebuild_tensor")
      return try rebuild(arguments, dtype: nil)
    case .rebuildTensorV2:
      try checkCount(arguments, 6...7, "_rebuild_tensor_v2")
      try checkExtras(requiresGrad: arguments[4], hooks: arguments[5], metadata: arguments.dropFirst(6).first)
      return try rebuild(arguments, dtype: nil)
    case .rebuildTensorV3: return try rebuildV3(arguments)
    case .rebuildParameter: return try rebuildParameter(arguments)
    case .size: return try torchSize(arguments)
    case .device: return .opaque
    case .dtype, .storage, .untypedStorage:
      throw EVSSMError("pickle.reduce", "A dtype or a storage class is not something to call in a checkpoint.")
    }
  }

  private func checkCount(_ arguments: [PickleValue], _ allowed: ClosedRange<Int>, _ name: String) throws {
    guard allowed.contains(arguments.count) else {
      throw EVSSMError("pickle.reduce", "\(name) is called with the wrong number of arguments.")
    }
  }

  private mutating func rebuildV3(_ arguments: [PickleValue]) throws -> PickleValue {
    try checkCount(arguments, 7...8, "_rebuild_tensor_v3")
    guard case .global(.dtype(let dtype)) = arguments[6] else {
      throw EVSSMError("pickle.reduce", "_rebuild_tensor_v3 needs a dtype.")
    }
    try checkExtras(requiresGrad: arguments[4], hooks: arguments[5], metadata: arguments.dropFirst(7).first)
    return try rebuild(arguments, dtype: dtype)
  }

  private func rebuildParameter(_ arguments: [PickleValue]) throws -> PickleValue {
    try checkCount(arguments, 3...3, "_rebuild_parameter")
    guard case .tensor = arguments[0] else {
      throw EVSSMError("pickle.reduce", "_rebuild_parameter is called on a \(arguments[0].typeName).")
    }
    try checkExtras(requiresGrad: arguments[1], hooks: arguments[2], metadata: nil)
    return arguments[0]
  }

  private func torchSize(_ arguments: [PickleValue]) throws -> PickleValue {
    guard arguments.count == 1, case .tuple = arguments[0] else {
      throw EVSSMError("pickle.reduce", "torch.Size needs one tuple.")
    }
    return arguments[0]
  }

  /// What changes a tensor's meaning (negative or conjugate views) or runs with it (hooks) is refused.
  private func checkExtras(requiresGrad: PickleValue, hooks: PickleValue, metadata: PickleValue?) throws {
    guard case .bool = requiresGrad else {
      throw EVSSMError("pickle.reduce", "A tensor's requires_grad is a \(requiresGrad.typeName).")
    }
    guard isEmptyDictionary(hooks) else {
      throw EVSSMError("torch.hooks", "A tensor has backward hooks; save the state_dict of the model instead.")
    }
    if let metadata, !isEmptyDictionary(metadata) {
      throw EVSSMError(
        "torch.tensor-metadata",
        "A tensor is a negative or conjugate view; resolve it (resolve_neg, resolve_conj) and save again.")
    }
  }

  private func isEmptyDictionary(_ value: PickleValue) -> Bool {
    switch value {
    case .none: true
    case .dictionary(let index): heap.dictionaries[Int(index)].count == 0
    default: false
    }
  }

  /// BUILD sets attributes. The one that state dicts carry, `_metadata`, has no bearing on tensors and is let go.
  mutating func build() throws {
    let state = try pop()
    guard case .dictionary(let target) = try top(), heap.dictionaries[Int(target)].isOrdered,
      case .dictionary(let attributes) = state
    else {
      throw EVSSMError("pickle.build", "BUILD works on an OrderedDict with a dict of attributes, and nothing else.")
    }
    let chain = heap.dictionaries[Int(attributes)]
    if chain.count == 0 { return }
    guard chain.count == 2, case .text(let range) = heap.cells[Int(chain.head)].value, text(range) == "_metadata" else {
      throw EVSSMError("pickle.build", "BUILD sets an attribute other than _metadata.")
    }
  }
}

// MARK: Tensors and storages

extension PickleInterpreter {
  /// - Parameter arguments: storage, offset, shape, strides, …
  /// - Parameter dtype: of a view on an untyped storage; nil when the storage decides.
  private mutating func rebuild(_ arguments: [PickleValue], dtype: DType?) throws -> PickleValue {
    guard case .storage(let index) = arguments[0] else {
      throw EVSSMError("torch.tensor-storage", "A tensor is built on a \(arguments[0].typeName) instead of a storage.")
    }
    let storage = heap.storages[Int(index)]
    guard (dtype == nil) == (storage.dtype != nil) || dtype == storage.dtype, let type = dtype ?? storage.dtype else {
      throw EVSSMError("torch.dtype-mismatch", "A tensor's dtype is not that of its storage.")
    }
    let offset = try integer(arguments[1], "A tensor's offset")
    let tensor = try PickledTensor(
      dtype: type, storage: storage, offset: offset, shape: integers(arguments[2], "A tensor's shape"),
      strides: integers(arguments[3], "A tensor's strides"))
    return try heap.append(tensor)
  }

  private func integer(_ value: PickleValue, _ what: String) throws -> Int {
    guard case .int(let value) = value else {
      throw EVSSMError("torch.tensor-number", "\(what) is a \(value.typeName), or over 64 bits.")
    }
    return value
  }

  private func integers(_ value: PickleValue, _ what: String) throws -> [Int] {
    guard case .tuple(let index) = value else {
      throw EVSSMError("torch.tensor-number", "\(what) is a \(value.typeName) instead of a tuple.")
    }
    let items = heap.tuple(index)
    try Limits.check(items.count, atMost: Limits.maxRank, name: "max_rank", "A tensor's rank")
    return try items.map { try integer($0, what) }
  }

  /// BINPERSID: ('storage', class, key, device, number of elements[, view]).
  mutating func persistentLoad() throws {
    guard case .tuple(let index) = try pop() else {
      throw EVSSMError("torch.persistent-id", "A persistent id is not a tuple.")
    }
    let parts = Array(heap.tuple(index).prefix(7))
    guard parts.count == (resolver.hasViewMetadata ? 6 : 5), case .text(let kind) = parts[0], text(kind) == "storage"
    else {
      throw EVSSMError("torch.persistent-id", "A persistent id does not name a storage: whole modules are not read.")
    }
    let dtype = try storageType(parts[1])
    let key = try tag(parts[2], "key")
    try checkDevice(tag(parts[3], "device"))
    let count = try integer(parts[4], "A storage's size")
    let byteCount = try Checked.multiply(count, dtype?.byteCount ?? 1, "A storage's size")
    let root = try storageIndex(key, dtype, byteCount)
    try push(.storage(UInt32(resolver.hasViewMetadata ? view(parts[5], of: root) : root)))
  }

  private func storageType(_ value: PickleValue) throws -> DType? {
    switch value {
    case .global(.storage(let dtype)): return dtype
    case .global(.untypedStorage): return nil
    default: throw EVSSMError("torch.persistent-id", "A persistent id names no storage class.")
    }
  }

  private func tag(_ value: PickleValue, _ what: String) throws -> String {
    guard case .text(let range) = value else {
      throw EVSSMError("torch.persistent-id", "A storage's \(what) is a \(value.typeName) instead of a string.")
    }
    try Limits.check(
      Int(range.count), atMost: Limits.maxStorageTagBytes, name: "max_storage_tag", "The length of a storage's \(what)")
    return text(range)
  }

  private func checkDevice(_ device: String) throws {
    guard device != "meta" else {
      throw EVSSMError("torch.meta", "A storage lies on the meta device: it has a size and no numbers.")
    }
  }

  /// The storage of `key`, new or seen before with the same type and size.
  private mutating func storageIndex(_ key: String, _ dtype: DType?, _ byteCount: Int) throws -> Int {
    guard byteCount >= 0 else { throw EVSSMError("torch.storage-size", "A storage's size is negative.") }
    if let index = storageIndices[key] {
      let known = heap.storages[index]
      guard known.dtype == dtype, known.byteCount == byteCount else {
        throw EVSSMError("torch.storage-conflict", "Storage \(key) is used with two types or two sizes.")
      }
      return index
    }
    guard !key.isEmpty, key.utf8.allSatisfy(Self.isKeyCharacter) else {
      throw EVSSMError(
        "torch.storage-key", "A storage's key '\(EVSSMError.escaped(key))' is not a plain number or name.")
    }
    if let actual = try resolver.storageByteCount(key), actual != byteCount {
      throw EVSSMError(
        "torch.storage-size", "Storage \(key) should have \(byteCount) bytes, and the archive holds \(actual).")
    }
    let index = heap.storages.count
    _ = try heap.append(PickledStorage(key: key, dtype: dtype, byteCount: byteCount, root: index))
    storageIndices[key] = index
    return index
  }

  private static func isKeyCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// The part of a storage that legacy view metadata (key, offset, size) stand for; the whole when there are none.
  private mutating func view(_ metadata: PickleValue, of root: Int) throws -> Int {
    if case .none = metadata { return root }
    guard case .tuple(let index) = metadata, heap.tuple(index).count == 3 else {
      throw EVSSMError("torch.persistent-id", "A storage's view metadata are not a tuple of three.")
    }
    let parts = Array(heap.tuple(index))
    let whole = heap.storages[root]
    let base = try Checked.multiply(integer(parts[1], "A view's offset"), whole.elementSize)
    let byteCount = try Checked.multiply(integer(parts[2], "A view's size"), whole.elementSize)
    guard base >= 0, byteCount >= 0, try Checked.add(base, byteCount) <= whole.byteCount else {
      throw EVSSMError("torch.storage-size", "A view does not lie inside its storage.")
    }
    var part = whole
    part.base = base
    part.byteCount = byteCount
    _ = try heap.append(part)
    return heap.storages.count - 1
  }
}
