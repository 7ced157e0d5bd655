import Tensors

/// Every operator by ONNX name and the version of the operator set that defined it.
public enum PrimitiveRegistry {
  /// One definition of an operator: in force from `since` until the next definition of the same name.
  struct Entry: Sendable {
    var domain = ""
    var type: String
    var since: Int
    /// Reads the attributes; throws `graph.attribute` for those that the definition does not allow.
    var make: @Sendable (PrimitiveCall) throws -> any PrimitiveOperator

    init(_ type: String, since: Int, domain: String = "", _ make: @escaping @Sendable (PrimitiveCall) throws -> any PrimitiveOperator) {
      self.domain = domain
      self.type = type
      self.since = since
      self.make = make
    }
  }

  /// The newest version of the standard operator set that is known.
  public static let newestOpset = 28
  /// The oldest version that models may import.
  public static let oldestOpset = 13

  /// One line a definition; grouped as the files are.
  static let entries: [Entry] = [
    Entry("Identity", since: 1, Identity.init),
  ]

  private static let table = Dictionary(grouping: entries) { "\($0.domain):\($0.type)" }
    .mapValues { $0.sorted { $0.since > $1.since } }

  /// Whether there is a definition of the operator in force in this version of its domain.
  public static func supports(domain: String, type: String, opset: Int) -> Bool {
    entry(domain, type, opset) != nil
  }

  /// The operator that a call names. Throws `graph.operator` when there is none, `graph.attribute` for its attributes.
  public static func `operator`(for call: PrimitiveCall) throws -> any PrimitiveOperator {
    guard let entry = entry(call.domain, call.type, call.opset) else {
      throw EVSSMError(
        "graph.operator", "Operator \(EVSSMError.escaped(call.type)) of version \(call.opset) is not supported.")
    }
    return try entry.make(call)
  }

  private static func entry(_ domain: String, _ type: String, _ opset: Int) -> Entry? {
    table["\(domain == "ai.onnx" ? "" : domain):\(type)"]?.first { $0.since <= opset }
  }
}
