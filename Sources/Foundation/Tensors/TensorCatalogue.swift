/// Named tensors in the order of their file: what a checkpoint reader gives and a writer takes.
package struct TensorCatalogue: Sendable {
  package private(set) var names: [String] = []
  private var tensors: [String: Tensor] = [:]

  package init() {}

  package var count: Int { names.count }
  package subscript(name: String) -> Tensor? { tensors[name] }

  /// Appends a tensor. Throws `catalogue.duplicate-name` when the name is taken.
  package mutating func append(_ name: String, _ tensor: Tensor) throws {
    guard tensors.updateValue(tensor, forKey: name) == nil else {
      throw EVSSMError("catalogue.duplicate-name", "Two tensors have the same name.", place: .init(node: name))
    }
    names.append(name)
  }

  /// The same tensors under `rename`d names. Throws when two names fall together.
  package func renamed(_ rename: (String) -> String) throws -> TensorCatalogue {
    var out = TensorCatalogue()
    for name in names { if let tensor = tensors[name] { try out.append(rename(name), tensor) } }
    return out
  }

  /// Calls `transform` on each tensor, in order.
  package func map(_ transform: (String, Tensor) throws -> Tensor) throws -> TensorCatalogue {
    var out = TensorCatalogue()
    for name in names { if let tensor = tensors[name] { try out.append(name, transform(name, tensor)) } }
    return out
  }

  /// Bytes of all tensors, each counted in full.
  package var byteCount: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }
}
