import GraphIR
import Tensors

/// A graph while nodes are added to it.
final class GraphUnderConstruction {
  var graph = Graph()
}

/// The values that nodes of one list can name.
final class NameScope {
  let target: GraphUnderConstruction
  /// The scope whose values are visible too; it fills the same graph.
  private var parent: NameScope?
  private var values: [String: ValueID] = [:]

  init(_ target: GraphUnderConstruction, parent: NameScope? = nil) {
    self.target = target
    self.parent = parent
  }

  /// Gives a value a name. Throws `onnx.duplicate-name` when the scope has it already.
  func define(_ name: String, _ id: ValueID) throws {
    guard values.updateValue(id, forKey: name) == nil else {
      throw EVSSMError("onnx.duplicate-name", "The value \(EVSSMError.escaped(name)) is made twice.")
    }
  }

  /// The same scope with the values of another one visible behind its own.
  func inside(_ outer: NameScope) -> NameScope {
    parent = outer
    return self
  }

  /// Whether the name is this scope's own.
  func owns(_ name: String) -> Bool { values[name] != nil }

  func find(_ name: String) -> ValueID? {
    var scope: NameScope? = self
    while let current = scope {
      if let id = current.values[name] { return id }
      scope = current.parent
    }
    return nil
  }

  /// Throws `onnx.missing-value` when nothing has this name.
  func value(_ name: String) throws -> ValueID {
    if let id = find(name) { return id }
    throw EVSSMError(
      "onnx.missing-value", "The value \(EVSSMError.escaped(name)) is used and nothing makes it.")
  }
}
