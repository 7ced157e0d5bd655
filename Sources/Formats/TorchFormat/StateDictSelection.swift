import Tensors

/// Which of a checkpoint's dictionaries holds the network's tensors, and under what names.
struct StateDictSelection {
  /// Names as they will stand in the catalogue, with indices into ``PickleHeap/tensors``.
  let tensors: [(name: String, index: Int)]
  let wrapper: String
  let strippedPrefix: String?
  let skipped: [String]

  private static let wrapperKeys = ["params_ema", "params", "state_dict", "model"]
  private static let parallelPrefix = "module."
  private static let maxShown = 100

  /// - Throws: `torch.no-state-dict`, `torch.key`, `torch.tensor-name`.
  init(_ container: any TorchContainer, key: String?) throws {
    let search = Search(container)
    let found = try key.map { try search.follow($0) } ?? search.find()
    wrapper = found.path.isEmpty ? "bare" : found.path.joined(separator: ".")
    var skipped = found.skipped
    var named: [(name: String, index: Int)] = []
    for (key, value) in container.heap.items(of: found.dictionary) {
      if case .tensor(let index) = value {
        named.append((try search.tensorName(key), Int(index)))
      } else {
        skipped.append((found.path + [search.shown(key)]).joined(separator: "."))
      }
    }
    try Limits.check(named.count, atMost: Limits.maxTensorCount, name: "max_tensor_count", "The number of tensors")
    self.skipped = Array(skipped.prefix(Self.maxShown))
    let isParallel = !named.isEmpty && named.allSatisfy { $0.name.hasPrefix(Self.parallelPrefix) }
    strippedPrefix = isParallel ? Self.parallelPrefix : nil
    tensors = isParallel ? named.map { (String($0.name.dropFirst(Self.parallelPrefix.count)), $0.index) } : named
  }
}

extension StateDictSelection {
  struct Found {
    var dictionary: UInt32
    var path: [String]
    var skipped: [String] = []
  }

  /// A search over the dictionaries reachable by string keys; each is entered once.
  private struct Search {
    let container: any TorchContainer
    private var heap: PickleHeap { container.heap }

    init(_ container: any TorchContainer) { self.container = container }

    func shown(_ key: PickleValue) -> String {
      switch key {
      case .text(let range): EVSSMError.escaped(container.text(range), limit: 80)
      case .int(let value): "\(value)"
      default: "(\(key.typeName))"
      }
    }

    /// A tensor's name: a short string without control characters.
    func tensorName(_ key: PickleValue) throws -> String {
      guard case .text(let range) = key else {
        throw EVSSMError("torch.tensor-name", "A tensor stands under a \(key.typeName) instead of a name.")
      }
      try Limits.check(
        Int(range.count), atMost: Limits.maxTensorNameBytes, name: "max_tensor_name", "The length of a tensor's name")
      let name = container.text(range)
      guard !name.isEmpty, EVSSMError.escaped(name, limit: .max) == name else {
        throw EVSSMError(
          "torch.tensor-name", "A tensor's name is empty or holds control characters: '\(EVSSMError.escaped(name))'.")
      }
      return name
    }

    private func hasTensors(_ dictionary: UInt32) -> Bool {
      heap.items(of: dictionary).contains { if case .tensor = $0.value { true } else { false } }
    }

    private func child(_ dictionary: UInt32, _ key: String) -> UInt32? {
      for (candidate, value) in heap.items(of: dictionary) {
        if case .text(let range) = candidate, case .dictionary(let index) = value, container.text(range) == key {
          return index
        }
      }
      return nil
    }

    private func rootDictionary() throws -> UInt32 {
      if case .dictionary(let index) = container.root { return index }
      throw EVSSMError(
        "torch.no-state-dict",
        "The checkpoint holds a \(container.root.typeName) instead of a dict of tensors: save model.state_dict().")
    }

    func follow(_ key: String) throws -> Found {
      let root = try rootDictionary()
      var found = Found(dictionary: root, path: [])
      let whole = child(root, key) != nil
      for part in whole ? [key] : key.split(separator: ".", omittingEmptySubsequences: false).map(String.init) {
        guard let next = child(found.dictionary, part) else { throw keyError(key, found.dictionary) }
        found.skipped += others(than: part, in: found.dictionary, path: found.path)
        found = Found(dictionary: next, path: found.path + [part], skipped: found.skipped)
      }
      guard hasTensors(found.dictionary) else { throw keyError(key, found.dictionary) }
      return found
    }

    private func keyError(_ key: String, _ dictionary: UInt32) -> EVSSMError {
      EVSSMError(
        "torch.key", "Key '\(EVSSMError.escaped(key))' leads to no dict of tensors; there are: \(keys(of: dictionary))."
      )
    }

    private func keys(of dictionary: UInt32) -> String {
      let all = heap.items(of: dictionary)
      let list = all.prefix(20).map { "\(shown($0.key)) (\($0.value.typeName))" }.joined(separator: ", ")
      return all.isEmpty ? "none" : all.count > 20 ? list + ", …" : list
    }

    private func others(than key: String, in dictionary: UInt32, path: [String]) -> [String] {
      var out: [String] = []
      for (candidate, _) in heap.items(of: dictionary) where out.count <= StateDictSelection.maxShown {
        if case .text(let range) = candidate, container.text(range) == key { continue }
        out.append((path + [shown(candidate)]).joined(separator: "."))
      }
      return out
    }

    /// Known wrappers first, then the dict itself, then what lies deeper if it is the only one.
    func find() throws -> Found {
      let root = try rootDictionary()
      var visited: Set<UInt32> = []
      if let found = findWrapped(Found(dictionary: root, path: []), &visited) { return found }
      let deeper = findDeeper(root, &visited)
      if deeper.count == 1, let found = deeper.first { return found }
      let candidates = deeper.prefix(20).map { $0.path.joined(separator: ".") }.joined(separator: ", ")
      let advice =
        deeper.isEmpty ? "The keys are: \(keys(of: root))." : "Choose one of them as the key: \(candidates)."
      throw EVSSMError("torch.no-state-dict", "No dict of tensors is found at the expected keys. \(advice)")
    }

    /// Follows known wrapper keys from `start` to a dict with tensors.
    private func findWrapped(_ start: Found, _ visited: inout Set<UInt32>) -> Found? {
      var pending = [start]
      while let at = pending.popLast() {
        guard visited.insert(at.dictionary).inserted else { continue }
        if hasTensors(at.dictionary) { return at }
        for key in StateDictSelection.wrapperKeys.reversed() {
          guard let next = child(at.dictionary, key) else { continue }
          let skipped = at.skipped + others(than: key, in: at.dictionary, path: at.path)
          pending.append(Found(dictionary: next, path: at.path + [key], skipped: skipped))
        }
      }
      return nil
    }

    /// Every dict with tensors below `root`, outermost first; none inside another of them.
    private func findDeeper(_ root: UInt32, _ visited: inout Set<UInt32>) -> [Found] {
      var entered: Set<UInt32> = []
      var queue = [Found(dictionary: root, path: [])]
      var found: [Found] = []
      var next = 0
      while next < queue.count {
        let at = queue[next]
        next += 1
        for (key, value) in heap.items(of: at.dictionary) {
          guard case .text(let range) = key, case .dictionary(let child) = value, found.count <= 20 else { continue }
          let name = container.text(range)
          guard entered.insert(child).inserted, name.utf8.count <= Limits.maxTensorNameBytes else { continue }
          let below = Found(dictionary: child, path: at.path + [EVSSMError.escaped(name)])
          if let inner = findWrapped(below, &visited) { found.append(inner) } else { queue.append(below) }
        }
      }
      return found
    }
  }
}
