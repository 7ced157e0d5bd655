import Tensors

extension PickleHeap {
  /// The items of a dictionary, in order.
  func items(of index: UInt32) -> [(key: PickleValue, value: PickleValue)] {
    var out: [(key: PickleValue, value: PickleValue)] = []
    out.reserveCapacity(Int(dictionaries[Int(index)].count / 2))
    forEachItem(of: index) { out.append(($0, $1)) }
    return out
  }

  private func forEachItem(of index: UInt32, _ body: (PickleValue, PickleValue) throws -> Void) rethrows {
    var at = dictionaries[Int(index)].head
    while at != Self.nowhere {
      let value = cells[Int(at)].next
      try body(cells[Int(at)].value, cells[Int(value)].value)
      at = cells[Int(value)].next
    }
  }

  /// Refuses containers that hold themselves, and nesting over `max_pickle_nesting`.
  ///
  /// - Complexity: O(objects): each container is entered once, however often it is shared.
  func checkAcyclic(from root: PickleValue) throws {
    var state = Walk(self)
    try state.enter(root, self)
    while let frame = state.path.last {
      if let child = state.nextChild(self) { try state.enter(child, self) } else { state.leave(frame) }
    }
  }

  /// Refuses dictionary keys that Python could not hash, or that stand twice in one dictionary.
  func checkKeys(_ bytes: [UInt8]) throws {
    for index in dictionaries.indices where dictionaries[index].count > 0 {
      var seen = Set<Key>(minimumCapacity: Int(dictionaries[index].count / 2))
      try forEachItem(of: UInt32(index)) { key, _ in
        guard let key = Key(key, bytes) else {
          throw EVSSMError("pickle.key", "A \(key.typeName) is used as a key; keys are strings or numbers.")
        }
        guard seen.insert(key).inserted else {
          throw EVSSMError("pickle.duplicate-key", "Key \(key.shown) stands twice in one dictionary.", place: key.place)
        }
      }
    }
  }

  /// A key, equal to those that Python holds equal (1, 1.0 and True).
  private enum Key: Hashable {
    case none
    case number(Double)
    case integer(Int)
    case bytes(ArraySlice<UInt8>)
    case text(ArraySlice<UInt8>)

    init?(_ value: PickleValue, _ bytes: [UInt8]) {
      switch value {
      case .none: self = .none
      case .bool(let value): self = .integer(value ? 1 : 0)
      case .int(let value): self = .integer(value)
      case .float(let value): self = Int(exactly: value).map { .integer($0) } ?? .number(value)
      case .text(let range): self = .text(bytes[range.indices])
      case .bytes(let range), .long(let range): self = .bytes(bytes[range.indices])
      default: return nil
      }
    }

    var shown: String {
      switch self {
      case .none: "None"
      case .number(let value): "\(value)"
      case .integer(let value): "\(value)"
      case .bytes: "of bytes"
      case .text(let slice): "'\(EVSSMError.escaped(String(decoding: slice, as: UTF8.self)))'"
      }
    }

    var place: EVSSMError.Place {
      if case .text(let slice) = self { return .init(node: String(decoding: slice.prefix(512), as: UTF8.self)) }
      return .init()
    }
  }

  /// A depth-first walk with its path on the heap.
  private struct Walk {
    enum Mark: UInt8 { case unseen, open, done }
    enum Container { case tuple(Int), list(Int), dictionary(Int) }
    struct Frame {
      var container: Container
      /// The next item of a tuple, or the next cell of a chain.
      var next: UInt32
    }

    var path: [Frame] = []
    var tuples: [Mark]
    var lists: [Mark]
    var dictionaries: [Mark]

    init(_ heap: PickleHeap) {
      tuples = Array(repeating: .unseen, count: heap.tupleRanges.count)
      lists = Array(repeating: .unseen, count: heap.lists.count)
      dictionaries = Array(repeating: .unseen, count: heap.dictionaries.count)
    }

    mutating func enter(_ value: PickleValue, _ heap: PickleHeap) throws {
      guard let (container, start) = Self.container(value, heap) else { return }
      switch mark(container) {
      case .done: return
      case .open: throw EVSSMError("pickle.cycle", "A container holds itself; a checkpoint's never does.")
      case .unseen: break
      }
      try Limits.check(
        path.count + 1, atMost: Limits.maxPickleNesting, name: "max_pickle_nesting", "The nesting of containers")
      set(container, .open)
      path.append(Frame(container: container, next: start))
    }

    mutating func leave(_ frame: Frame) {
      set(frame.container, .done)
      path.removeLast()
    }

    /// The next child of the innermost container.
    mutating func nextChild(_ heap: PickleHeap) -> PickleValue? {
      guard let frame = path.last else { return nil }
      if case .tuple(let index) = frame.container {
        let range = heap.tupleRanges[index]
        guard frame.next < range.count else { return nil }
        path[path.count - 1].next += 1
        return heap.tupleItems[Int(range.start + frame.next)]
      }
      guard frame.next != PickleHeap.nowhere else { return nil }
      let cell = heap.cells[Int(frame.next)]
      path[path.count - 1].next = cell.next
      return cell.value
    }

    private static func container(_ value: PickleValue, _ heap: PickleHeap) -> (Container, UInt32)? {
      switch value {
      case .tuple(let index): (.tuple(Int(index)), 0)
      case .list(let index): (.list(Int(index)), heap.lists[Int(index)].head)
      case .dictionary(let index): (.dictionary(Int(index)), heap.dictionaries[Int(index)].head)
      default: nil
      }
    }

    private func mark(_ container: Container) -> Mark {
      switch container {
      case .tuple(let index): tuples[index]
      case .list(let index): lists[index]
      case .dictionary(let index): dictionaries[index]
      }
    }

    private mutating func set(_ container: Container, _ mark: Mark) {
      switch container {
      case .tuple(let index): tuples[index] = mark
      case .list(let index): lists[index] = mark
      case .dictionary(let index): dictionaries[index] = mark
      }
    }
  }
}
