import Tensors

/// The attributes of a call while an operator reads them. What nobody read is an attribute that the definition does not
/// have, and is refused. Those who look at calls that were checked ask ``PrimitiveCall/integer(_:)`` and its like.
final class AttributeReader {
  private let call: PrimitiveCall
  private var read: Set<String> = []
  /// The first version of the operator set that has the definition in force.
  let version: Int

  init(_ call: PrimitiveCall, version: Int) {
    self.call = call
    self.version = version
  }

  /// The operator's ONNX name.
  var name: String { call.type }
  var inputCount: Int { call.inputs.count }
  var outputCount: Int { call.outputs.count }
  /// The attributes read so far, sorted.
  var names: [String] { read.sorted() }

  /// The error for an attribute that makes no sense.
  func failure(_ what: String) -> EVSSMError { EVSSMError("graph.attribute", "Operator \(name) \(what)") }

  /// Throws `graph.attribute` when an attribute was not read.
  func finish() throws {
    if let unknown = call.attributes.keys.filter({ !read.contains($0) }).min() {
      throw failure("has an attribute \(EVSSMError.escaped(unknown)), which version \(version) does not have.")
    }
  }

  /// Declares attributes that do not matter here.
  func ignore(_ names: String...) { read.formUnion(names) }

  private func value(_ name: String) -> AttributeValue? {
    read.insert(name)
    return call.attributes[name]
  }

  private func mismatch(_ name: String, _ wanted: String) -> EVSSMError {
    failure(
      "needs \(wanted) as attribute \(EVSSMError.escaped(name)), not \(call.attributes[name]?.kind ?? "nothing").")
  }

  func integer(_ name: String) throws -> Int? {
    guard let value = value(name) else { return nil }
    guard case .int(let integer) = value else { throw mismatch(name, "an integer") }
    return integer
  }

  func integer(_ name: String, _ fallback: Int) throws -> Int { try integer(name) ?? fallback }
  func flag(_ name: String, _ fallback: Bool = false) throws -> Bool { try integer(name, fallback ? 1 : 0) != 0 }

  /// An integer within a range.
  func integer(_ name: String, _ fallback: Int, in range: ClosedRange<Int>) throws -> Int {
    let value = try integer(name, fallback)
    guard range.contains(value) else {
      throw failure("has \(name) \(value), which is not in \(range.lowerBound) to \(range.upperBound).")
    }
    return value
  }

  func real(_ name: String) throws -> Double? {
    guard let value = value(name) else { return nil }
    guard case .float(let real) = value else { throw mismatch(name, "a number") }
    return Double(real)
  }

  func real(_ name: String, _ fallback: Double) throws -> Double { try real(name) ?? fallback }

  func string(_ name: String, _ fallback: String) throws -> String {
    guard let value = value(name) else { return fallback }
    guard case .string(let string) = value else { throw mismatch(name, "a string") }
    return string
  }

  /// A string out of a list.
  func choice(_ name: String, _ fallback: String, of all: [String]) throws -> String {
    let value = try string(name, fallback)
    guard all.contains(value) else {
      throw failure("has \(name) \(EVSSMError.escaped(value)); it can be \(all.joined(separator: ", ")).")
    }
    return value
  }

  func integers(_ name: String) throws -> [Int]? {
    guard let value = value(name) else { return nil }
    guard case .ints(let integers) = value else { throw mismatch(name, "integers") }
    return integers
  }

  /// Integers that must all lie in a range; nil when the attribute is missing.
  func integers(_ name: String, in range: ClosedRange<Int>) throws -> [Int]? {
    guard let values = try integers(name) else { return nil }
    guard values.count <= Limits.maxPrimitiveRank * 2, values.allSatisfy(range.contains) else {
      throw failure("has \(name) \(values.prefix(16)); each must be \(range.lowerBound) to \(range.upperBound).")
    }
    return values
  }

  func reals(_ name: String) throws -> [Double]? {
    guard let value = value(name) else { return nil }
    guard case .floats(let reals) = value else { throw mismatch(name, "numbers") }
    return reals.map { Double($0) }
  }

  func strings(_ name: String) throws -> [String]? {
    guard let value = value(name) else { return nil }
    guard case .strings(let strings) = value else { throw mismatch(name, "strings") }
    return strings
  }

  func tensor(_ name: String) throws -> Tensor? {
    guard let value = value(name) else { return nil }
    guard case .tensor(let tensor) = value else { throw mismatch(name, "a tensor") }
    return try tensor.tensor()
  }
}

extension AttributeValue {
  fileprivate var kind: String {
    switch self {
    case .int: "an integer"
    case .float: "a number"
    case .string: "a string"
    case .ints: "integers"
    case .floats: "numbers"
    case .strings: "strings"
    case .tensor: "a tensor"
    }
  }
}
