import Tensors
import ZipFormat

/// Where the storages of a checkpoint are: the container's answer to a persistent id.
protocol StorageResolver {
  /// Bytes in the container of the storage `key`; nil when they are not known yet.
  func storageByteCount(_ key: String) throws -> Int?
  /// Whether persistent ids end with view metadata, as in the legacy container.
  var hasViewMetadata: Bool { get }
}

/// Runs the opcodes of one pickle as a program over harmless data. It calls nothing, imports nothing, knows no class,
/// and
/// refuses what is not on its lists. Never recurses.
///
/// Source: CPython's `pickletools.py` for the opcodes; `torch/serialization.py` for the persistent ids.
///
/// - Complexity: O(bytes of the pickle); memory within `max_pickle_objects`, `max_pickle_stack` and `max_pickle_memo`.
struct PickleInterpreter {
  let source: PickleSource
  /// The bytes of `source` that are at hand; held here because reading them from an object is slow.
  var bytes: [UInt8]
  let resolver: any StorageResolver
  var heap: PickleHeap
  var position: Int
  var opcodeOffset: Int
  var stack: [PickleValue] = []
  /// Height of the stack at each open mark.
  var marks: [Int] = []
  var memo: [PickleValue?] = []
  var frameEnd: Int?
  var opcodeCount = 0
  /// Index of the storage of each key.
  var storageIndices: [String: Int] = [:]

  init(source: PickleSource, from position: Int = 0, resolver: any StorageResolver, objectBytes: Int) {
    self.source = source
    bytes = source.bytes
    self.position = position
    self.resolver = resolver
    opcodeOffset = position
    heap = PickleHeap(byteLimit: objectBytes)
  }

  /// Runs to STOP and returns the value left. Errors carry the offset of the opcode.
  mutating func run() throws -> PickleValue {
    do {
      let value = try runToStop()
      try heap.checkAcyclic(from: value)
      try heap.checkKeys(bytes)
      return value
    } catch let error as EVSSMError {
      throw error.at(.init(byteOffset: UInt64(source.fileOffset + opcodeOffset)))
    }
  }

  private mutating func runToStop() throws -> PickleValue {
    try readProtocol()
    while true {
      try checkFrame()
      opcodeOffset = position
      let opcode = try byte()
      opcodeCount += 1
      if opcodeCount > Limits.maxPickleOpcodes {
        try Limits.check(
          opcodeCount, atMost: Limits.maxPickleOpcodes, name: "max_pickle_opcodes", "The number of opcodes")
      }
      if opcode == UInt8(ascii: ".") { return try stop() }
      try execute(opcode)
    }
  }

  private mutating func readProtocol() throws {
    guard try byte() == 0x80 else {
      throw EVSSMError("pickle.protocol", "The pickle does not start with its protocol; protocols 2 to 5 are read.")
    }
    try checkProtocol(byte())
  }

  func checkProtocol(_ version: UInt8) throws {
    guard (2...5).contains(version) else {
      throw EVSSMError("pickle.protocol", "Pickle protocol \(version) is not supported; protocols 2 to 5 are.")
    }
  }

  private mutating func checkFrame() throws {
    guard let end = frameEnd, position >= end else { return }
    guard position == end else { throw EVSSMError("pickle.frame", "An opcode crosses the end of its frame.") }
    frameEnd = nil
  }

  private mutating func stop() throws -> PickleValue {
    guard stack.count == 1, marks.isEmpty, let value = stack.popLast() else {
      throw EVSSMError("pickle.stack", "The pickle ends with \(stack.count) values on its stack instead of one.")
    }
    try checkFrame()
    guard frameEnd == nil else { throw EVSSMError("pickle.frame", "A frame reaches past the end of the pickle.") }
    return value
  }
}

// MARK: Bytes and stack

extension PickleInterpreter {
  mutating func byte() throws -> UInt8 {
    try require(position + 1)
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func require(_ end: Int) throws {
    if end <= bytes.count { return }
    // Let go first, so that the source grows its memory in place.
    bytes = []
    defer { bytes = source.bytes }
    try source.require(end)
  }

  /// The next `count` bytes, which are passed over.
  mutating func take(_ count: Int) throws -> PickleRange {
    guard count >= 0 else { throw EVSSMError("pickle.length", "A length in the pickle is negative.") }
    let end = try Checked.add(position, count, "A length in the pickle")
    try require(end)
    defer { position = end }
    return PickleRange(start: UInt32(position), count: UInt32(count))
  }

  mutating func uint16() throws -> Int {
    let range = try take(2)
    return bytes.uint16(at: Int(range.start))
  }

  mutating func uint32() throws -> Int {
    let range = try take(4)
    return bytes.uint32(at: Int(range.start))
  }

  mutating func uint64() throws -> UInt64 {
    let range = try take(8)
    return bytes.uint64(at: Int(range.start))
  }

  mutating func push(_ value: PickleValue) throws {
    if stack.count >= Limits.maxPickleStack {
      try Limits.check(
        stack.count + 1, atMost: Limits.maxPickleStack, name: "max_pickle_stack", "The height of the pickle's stack")
    }
    stack.append(value)
  }

  mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw underflow }
    return value
  }

  func top() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw underflow }
    return value
  }

  private var underflow: EVSSMError {
    EVSSMError("pickle.stack", "An opcode needs more values than the stack holds.")
  }

  /// Calls `body` with the values above the last mark, then drops them and the mark.
  mutating func takeMarked(_ body: (inout PickleInterpreter, ArraySlice<PickleValue>) throws -> Void) throws {
    guard let mark = marks.popLast() else {
      throw EVSSMError("pickle.mark", "An opcode needs a mark and there is none.")
    }
    // A copy: a slice would share the stack's memory and make the next change copy all of it.
    let items = Array(stack[mark...])
    stack.removeLast(items.count)
    try body(&self, items[...])
  }

  func text(_ range: PickleRange) -> String { String(decoding: bytes[range.indices], as: UTF8.self) }
}
