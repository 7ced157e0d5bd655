import Tensors

/// How a catalogue differs from the state dict of an architecture.
struct StateDictDifference {
  var missing: [ParameterShape] = []
  var unexpected: [ParameterShape] = []
  var wronglyShaped: [(name: String, expected: [Int], found: [Int])] = []
  var notFloating: [(name: String, dtype: DType)] = []

  init(_ catalogue: TensorCatalogue, _ architecture: EVSSMArchitecture) {
    var expectedNames: Set<String> = []
    for parameter in architecture.parameters {
      expectedNames.insert(parameter.name)
      guard let tensor = catalogue[parameter.name] else {
        missing.append(parameter)
        continue
      }
      if tensor.shape != parameter.shape { wronglyShaped.append((parameter.name, parameter.shape, tensor.shape)) }
      if !tensor.dtype.isFloatingPoint { notFloating.append((parameter.name, tensor.dtype)) }
    }
    for name in catalogue.names where !expectedNames.contains(name) {
      unexpected.append(ParameterShape(name, catalogue[name]?.shape ?? []))
    }
  }

  /// Throws one error with the whole difference, if there is any.
  func check() throws {
    let shapes = missing.count + unexpected.count + wronglyShaped.count
    if shapes == 0 && notFloating.isEmpty { return }
    let code: EVSSMError.Code = shapes == 0 ? "evssm.dtype" : "evssm.mismatch"
    let counts =
      "\(missing.count) tensors missing, \(unexpected.count) unexpected, \(wronglyShaped.count) of the wrong shape, "
      + "\(notFloating.count) not floating-point"
    throw EVSSMError(code, "The checkpoint is not that of an EVSSM network: \(counts).\n\(list)")
  }

  /// One line a difference, at most `Limits.maxDifferenceLines`.
  private var list: String {
    var lines: [String] = []
    func add<Item>(_ items: [Item], _ line: (Item) -> String) {
      lines += items.prefix(Limits.maxDifferenceLines - lines.count).map(line)
    }
    add(missing) { "missing: \($0.name) \($0.shape)" }
    add(unexpected) { "unexpected: \(EVSSMError.escaped($0.name)) \($0.shape)" }
    add(wronglyShaped) { "wrong shape: \($0.name) is \($0.found), expected \($0.expected)" }
    add(notFloating) { "not floating-point: \($0.name) is \($0.dtype.rawValue)" }
    let rest = missing.count + unexpected.count + wronglyShaped.count + notFloating.count - lines.count
    return lines.joined(separator: "\n") + (rest > 0 ? "\n… and \(rest) more" : "")
  }
}
