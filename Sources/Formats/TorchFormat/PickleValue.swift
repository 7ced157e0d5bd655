import Tensors

/// A range of bytes of the pickle.
struct PickleRange: Sendable, Hashable {
  var start: UInt32
  var count: UInt32
  var indices: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// What a pickle may hold. Containers and tensors are indices into ``PickleHeap``, so a value is 16 bytes, copying it
/// is
/// cheap, and letting go of deeply nested values does not recurse.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer of more than 64 bits: its little-endian bytes.
  case long(PickleRange)
  case float(Double)
  /// UTF-8, validated.
  case text(PickleRange)
  case bytes(PickleRange)
  case tuple(UInt32)
  case list(UInt32)
  case dictionary(UInt32)
  case global(PickleGlobal)
  case storage(UInt32)
  case tensor(UInt32)
  /// A harmless object with no bearing on tensors, such as a `torch.device`.
  case opaque

  /// The type as a person who knows Python would name it.
  var typeName: String {
    switch self {
    case .none: "None"
    case .bool: "bool"
    case .int, .long: "int"
    case .float: "float"
    case .text: "str"
    case .bytes: "bytes"
    case .tuple: "tuple"
    case .list: "list"
    case .dictionary: "dict"
    case .global: "class or function"
    case .storage: "storage"
    case .tensor: "tensor"
    case .opaque: "object"
    }
  }
}

/// Memory of the containers that a pickle makes: flat arrays, bounded by `max_pickle_objects`.
struct PickleHeap: Sendable {
  /// A list or dictionary: a chain of cells. A dictionary's cells alternate keys and values.
  struct Chain: Sendable {
    var head = PickleHeap.nowhere
    var tail = PickleHeap.nowhere
    var count: UInt32 = 0
    var isOrdered = false
  }

  struct Cell: Sendable {
    var value: PickleValue
    var next: UInt32
  }

  static let nowhere = UInt32.max

  private(set) var tupleRanges: [PickleRange] = []
  private(set) var tupleItems: [PickleValue] = []
  private(set) var lists: [Chain] = []
  private(set) var dictionaries: [Chain] = []
  private(set) var cells: [Cell] = []
  private(set) var storages: [PickledStorage] = []
  private(set) var tensors: [PickledTensor] = []
  private var bytesLeft: Int
  private let byteLimit: Int

  init(byteLimit: Int) {
    self.byteLimit = byteLimit
    bytesLeft = byteLimit
  }

  /// Counts `bytes` of memory against the limit. Throws `limit.exceeded`.
  mutating func charge(_ bytes: Int) throws {
    bytesLeft -= bytes
    if bytesLeft < 0 {
      throw EVSSMError(
        "limit.exceeded", "The objects of the pickle take more than \(byteLimit) bytes of memory.",
        limit: "max_pickle_objects")
    }
  }

  mutating func makeTuple(_ items: ArraySlice<PickleValue>) throws -> PickleValue {
    try charge(8 + 16 * items.count)
    tupleRanges.append(PickleRange(start: UInt32(tupleItems.count), count: UInt32(items.count)))
    tupleItems.append(contentsOf: items)
    return .tuple(UInt32(tupleRanges.count - 1))
  }

  func tuple(_ index: UInt32) -> ArraySlice<PickleValue> { tupleItems[tupleRanges[Int(index)].indices] }

  mutating func makeList() throws -> PickleValue {
    try charge(16)
    lists.append(Chain())
    return .list(UInt32(lists.count - 1))
  }

  mutating func makeDictionary(ordered: Bool) throws -> PickleValue {
    try charge(16)
    dictionaries.append(Chain(isOrdered: ordered))
    return .dictionary(UInt32(dictionaries.count - 1))
  }

  mutating func append(_ value: PickleValue, toList index: UInt32) throws {
    var chain = lists[Int(index)]
    try append(value, to: &chain)
    lists[Int(index)] = chain
  }

  mutating func append(key: PickleValue, _ value: PickleValue, toDictionary index: UInt32) throws {
    // Room for the check that no key stands twice.
    try charge(96)
    var chain = dictionaries[Int(index)]
    try append(key, to: &chain)
    try append(value, to: &chain)
    dictionaries[Int(index)] = chain
  }

  private mutating func append(_ value: PickleValue, to chain: inout Chain) throws {
    try charge(16)
    let cell = UInt32(cells.count)
    cells.append(Cell(value: value, next: Self.nowhere))
    if chain.count == 0 { chain.head = cell } else { cells[Int(chain.tail)].next = cell }
    chain.tail = cell
    chain.count += 1
  }

  mutating func append(_ storage: PickledStorage) throws -> PickleValue {
    try charge(96)
    storages.append(storage)
    return .storage(UInt32(storages.count - 1))
  }

  mutating func append(_ tensor: PickledTensor) throws -> PickleValue {
    try charge(128 + 16 * tensor.shape.count)
    tensors.append(tensor)
    try Limits.check(tensors.count, atMost: Limits.maxTensorCount, name: "max_tensor_count", "The number of tensors")
    return .tensor(UInt32(tensors.count - 1))
  }
}
