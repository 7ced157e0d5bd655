import Tensors

extension PickleInterpreter {
  mutating func execute(_ opcode: UInt8) throws {
    switch opcode {
    case 0x80: try checkProtocol(byte())
    case 0x95: try openFrame()
    case UInt8(ascii: "("): try mark()
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): try takeMarked { _, _ in }
    case UInt8(ascii: "2"): try push(top())
    case UInt8(ascii: "q"): try memoise(at: Int(byte()))
    case UInt8(ascii: "r"): try memoise(at: uint32())
    case 0x94: try memoise(at: memo.count)
    case UInt8(ascii: "h"): try recall(Int(byte()))
    case UInt8(ascii: "j"): try recall(uint32())
    case UInt8(ascii: "c"): try pushGlobal()
    case 0x93: try pushStackGlobal()
    case UInt8(ascii: "R"): try reduce()
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "Q"): try persistentLoad()
    default: if try !executeScalar(opcode), try !executeContainer(opcode) { throw Self.refusal(opcode) }
    }
  }

  private mutating func executeScalar(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "K"): try push(.int(Int(byte())))
    case UInt8(ascii: "M"): try push(.int(uint16()))
    case UInt8(ascii: "J"): try push(.int(Int(Int32(truncatingIfNeeded: uint32()))))
    case 0x8A: try pushLong(count: Int(byte()))
    case 0x8B: try pushLong(count: Int(Int32(truncatingIfNeeded: uint32())))
    case UInt8(ascii: "G"): try push(.float(Double(bitPattern: uint64().byteSwapped)))
    case UInt8(ascii: "X"), UInt8(ascii: "T"): try pushText(count: uint32())
    case 0x8C, UInt8(ascii: "U"): try pushText(count: Int(byte()))
    case 0x8D: try pushText(count: length64())
    case UInt8(ascii: "C"): try push(.bytes(take(Int(byte()))))
    case UInt8(ascii: "B"): try push(.bytes(take(uint32())))
    case 0x8E: try push(.bytes(take(length64())))
    default: return false
    }
    return true
  }

  private mutating func executeContainer(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: ")"): try push(heap.makeTuple([]))
    case UInt8(ascii: "]"): try push(heap.makeList())
    case UInt8(ascii: "}"): try push(heap.makeDictionary(ordered: false))
    case UInt8(ascii: "t"): try takeMarked { state, items in try state.push(state.heap.makeTuple(items)) }
    case 0x85: try pushTuple(count: 1)
    case 0x86: try pushTuple(count: 2)
    case 0x87: try pushTuple(count: 3)
    case UInt8(ascii: "a"): try append()
    case UInt8(ascii: "e"): try takeMarked { state, items in try state.append(items) }
    case UInt8(ascii: "s"): try setItem()
    case UInt8(ascii: "u"): try takeMarked { state, items in try state.setItems(items) }
    default: return false
    }
    return true
  }

  /// The error for an opcode that is not on the list.
  static func refusal(_ opcode: UInt8) -> EVSSMError {
    let name = refusedNames[opcode] ?? "unknown"
    return EVSSMError(
      "pickle.opcode", "Opcode 0x\(String(opcode, radix: 16)) (\(name)) has no place in a checkpoint of tensors.")
  }

  private static let refusedNames: [UInt8: String] = [
    UInt8(ascii: "i"): "INST", UInt8(ascii: "o"): "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1", 0x83: "EXT2",
    0x84: "EXT4", UInt8(ascii: "P"): "PERSID", UInt8(ascii: "I"): "INT", UInt8(ascii: "L"): "LONG",
    UInt8(ascii: "F"): "FLOAT", UInt8(ascii: "S"): "STRING", UInt8(ascii: "V"): "UNICODE", UInt8(ascii: "g"): "GET",
    UInt8(ascii: "p"): "PUT", UInt8(ascii: "l"): "LIST", UInt8(ascii: "d"): "DICT", 0x8F: "EMPTY_SET", 0x90: "ADDITEMS",
    0x91: "FROZENSET", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
  ]
}

// MARK: Scalars, frames and memo

extension PickleInterpreter {
  private mutating func length64() throws -> Int { try Checked.int(uint64(), "A length in the pickle") }

  private mutating func pushLong(count: Int) throws {
    let range = try take(count)
    guard count <= 8 else { return try push(.long(range)) }
    var value: UInt64 = 0
    for index in range.indices.reversed() { value = value << 8 | UInt64(bytes[index]) }
    let unused = UInt64(64 - 8 * count)
    // Sign extension; a shift by 64 gives 0.
    try push(.int(Int(Int64(bitPattern: value << unused) >> Int64(unused))))
  }

  private mutating func pushText(count: Int) throws {
    let range = try take(count)
    do { _ = try UTF8Span(validating: bytes.span.extracting(range.indices)) } catch {
      throw EVSSMError("pickle.utf8", "A string of the pickle is not UTF-8.")
    }
    try push(.text(range))
  }

  private mutating func openFrame() throws {
    let length = try length64()
    let end = try Checked.add(position, length, "The length of a frame")
    guard frameEnd == nil, end <= source.count else {
      throw EVSSMError("pickle.frame", "A frame lies inside another or reaches past the end of the pickle.")
    }
    frameEnd = end
  }

  private mutating func mark() throws {
    guard marks.count < Limits.maxPickleNesting else {
      return try Limits.check(
        marks.count + 1, atMost: Limits.maxPickleNesting, name: "max_pickle_nesting", "The number of open marks")
    }
    marks.append(stack.count)
  }

  /// Picklers number their memo without gaps (from 0, or from 1 in Python 2), so an index far ahead is a lie.
  private mutating func memoise(at index: Int) throws {
    let value = try top()
    try Limits.check(index + 1, atMost: Limits.maxPickleMemo, name: "max_pickle_memo", "The pickle's memo")
    guard index <= memo.count + 1024 else {
      throw EVSSMError("pickle.memo", "Memo index \(index) is far beyond the \(memo.count) used so far.")
    }
    while memo.count <= index {
      try heap.charge(16)
      memo.append(nil)
    }
    memo[index] = value
  }

  private mutating func recall(_ index: Int) throws {
    guard index < memo.count, let value = memo[index] else {
      throw EVSSMError("pickle.memo", "Memo index \(index) was never set.")
    }
    try push(value)
  }
}

// MARK: Containers

extension PickleInterpreter {
  private mutating func pushTuple(count: Int) throws {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw EVSSMError("pickle.stack", "An opcode needs more values than the stack holds.")
    }
    let tuple = try heap.makeTuple(stack.suffix(count))
    stack.removeLast(count)
    try push(tuple)
  }

  private mutating func append() throws {
    let value = try pop()
    try append([value])
  }

  private mutating func append(_ items: ArraySlice<PickleValue>) throws {
    guard case .list(let index) = try top() else { throw targetError("APPEND", "a list") }
    for item in items { try heap.append(item, toList: index) }
  }

  private mutating func setItem() throws {
    let value = try pop()
    let key = try pop()
    try setItems([key, value])
  }

  private mutating func setItems(_ items: ArraySlice<PickleValue>) throws {
    guard case .dictionary(let index) = try top() else { throw targetError("SETITEM", "a dict") }
    guard items.count.isMultiple(of: 2) else {
      throw EVSSMError("pickle.items", "SETITEMS has a key without a value.")
    }
    var at = items.startIndex
    while at < items.endIndex {
      try heap.append(key: items[at], items[at + 1], toDictionary: index)
      at += 2
    }
  }

  private func targetError(_ opcode: String, _ wanted: String) -> EVSSMError {
    let found = stack.last?.typeName ?? "nothing"
    return EVSSMError("pickle.target", "\(opcode) works on \(wanted), and finds a \(found).")
  }
}
