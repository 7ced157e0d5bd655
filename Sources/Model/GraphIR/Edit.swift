import Tensors

/// What a pass did, or saw and left alone, at one place.
package struct Explanation: Sendable, Hashable, CustomStringConvertible {
  package enum Verdict: String, Sendable { case applied, rejected }

  package var pass: String
  package var verdict: Verdict
  /// The node it is about.
  package var node: String
  package var reason: String

  package init(pass: String, _ verdict: Verdict, node: String, _ reason: String) {
    self.pass = pass
    self.verdict = verdict
    self.node = node
    self.reason = reason
  }

  package var description: String { "\(pass): \(verdict.rawValue) at \(EVSSMError.escaped(node)): \(reason)" }
}

/// Changes to a graph, described and not made: new nodes that tap its values, and values that take the place of others.
///
/// Replacements act in the order in which they are stated: an input that was replaced before a node is added is
/// replaced in it, and every node of the graph, old or new, sees all replacements made after it.
/// ``Graph/applying(_:)`` makes the changes.
package struct Edit: Sendable {
  /// The name of the pass, for its explanations.
  package let pass: String
  package private(set) var explanations: [Explanation] = []
  private(set) var fragment: Graph
  private(set) var replacements: [ValueID: ValueID] = [:]

  package init(of graph: Graph, pass: String) {
    fragment = graph
    self.pass = pass
  }

  /// Adopts the explanations of an edit inside a region.
  package mutating func explain(_ inner: [Explanation]) { explanations += inner }

  /// Whether there is anything to apply.
  package var isEmpty: Bool { replacements.isEmpty }

  /// What now stands in the place of `value`.
  package func current(_ value: ValueID) -> ValueID {
    var value = value
    while let next = replacements[value] { value = next }
    return value
  }

  /// The type and, for a constant, tensor of an old or new value.
  package subscript(_ value: ValueID) -> Value { fragment[value] }

  /// Adds a constant.
  package mutating func constant(_ name: String, _ tensor: Tensor) -> ValueID { fragment.addConstant(name, tensor) }

  /// Adds a node. Throws when the operator is not defined on the inputs.
  package mutating func add(_ op: any Operator, _ inputs: [ValueID], name: String) throws -> [ValueID] {
    try fragment.add(op, inputs.map(current), name: name)
  }

  /// Adds a node with one output.
  package mutating func addOne(_ op: any Operator, _ inputs: [ValueID], name: String) throws -> ValueID {
    try fragment.addOne(op, inputs.map(current), name: name)
  }

  /// Lets `new` take the place of `old`. Throws `edit.type` when their types differ and `edit.cycle` when `old`
  /// already stands in for `new`. A constant may be of another floating-point type: folding is done in float64.
  package mutating func replace(_ old: ValueID, with new: ValueID) throws {
    let source = current(old)
    let target = current(new)
    guard isSubstitute(fragment[target], for: fragment[source].type) else {
      throw EVSSMError(
        "edit.type", "Pass \(pass) puts a \(fragment[target].type) in the place of a \(fragment[source].type).",
        category: .internal)
    }
    guard source != target else {
      throw EVSSMError("edit.cycle", "Pass \(pass) replaces a value by itself.", category: .internal)
    }
    replacements[source] = target
  }

  private func isSubstitute(_ new: Value, for old: ValueType) -> Bool {
    if new.type == old { return true }
    return new.constant != nil && new.type.shape == old.shape && new.type.dtype.isFloatingPoint
      && old.dtype.isFloatingPoint
  }

  /// Records why a place was changed.
  package mutating func applied(_ node: String, _ reason: String) {
    explanations.append(Explanation(pass: pass, .applied, node: node, reason))
  }

  /// Records why a place was left as it is.
  package mutating func rejected(_ node: String, _ reason: String) {
    explanations.append(Explanation(pass: pass, .rejected, node: node, reason))
  }
}

extension Graph {
  /// The graph with an edit's changes made, what is no longer needed removed, and everything verified.
  ///
  /// Throws `graph.invalid`, which names the pass, when the edit broke a rule of the ``Verifier``.
  /// - Complexity: O(nodes + edges), plus the verification.
  package func applying(_ edit: Edit) throws -> Graph {
    if edit.isEmpty { return self }
    var changed = edit.fragment
    for i in changed.nodes.indices { changed.nodes[i].inputs = changed.nodes[i].inputs.map(edit.current) }
    changed.outputs = changed.outputs.map(edit.current)
    let result = try changed.ordered()
    try Verifier.check(result, after: edit.pass)
    return result
  }
}
