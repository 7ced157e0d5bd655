import GraphIR
import Tensors

/// An entry of ``Pipeline``: a rewrite that is exact in real arithmetic.
package protocol Rewrite: Sendable {
  /// In kebab case, such as `sink-frames`.
  static var name: String { get }

  /// The graph after the rewrite, verified, and what was done and left undone. Throws `graph.invalid` when the rewrite
  /// broke a rule.
  func run(_ graph: Graph) throws -> (graph: Graph, changed: Bool, explanations: [Explanation])
}

/// A rewrite by edits: what all but a few are.
///
/// A pass looks at a graph and describes an ``Edit``; it never changes anything itself. ``Pipeline`` applies the edit
/// and verifies the result.
package protocol Pass: Rewrite {
  /// Whether the pass is run on the bodies of regions as well.
  static var entersRegions: Bool { get }

  func edit(_ graph: Graph) throws -> Edit
}

extension Pass {
  package static var entersRegions: Bool { true }

  package func run(_ graph: Graph) throws -> (graph: Graph, changed: Bool, explanations: [Explanation]) {
    let inner = Self.entersRegions ? try editRegions(of: graph) : Edit(of: graph, pass: Self.name)
    let prepared = try graph.applying(inner)
    let edit = try self.edit(prepared)
    return (
      try prepared.applying(edit), !inner.isEmpty || !edit.isEmpty, inner.explanations + edit.explanations
    )
  }

  // The recursion is bounded by `Limits.maxRegionDepth` on verified graphs.
  private func editRegions(of graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    for node in graph.nodes where !node.op.regions.isEmpty {
      let results = try node.op.regions.map { try run($0) }
      for result in results { edit.explain(result.explanations) }
      guard results.contains(where: \.changed) else { continue }
      let op = node.op.withRegions(results.map(\.graph))
      let outputs = try edit.add(op, node.inputs, name: node.name)
      for (old, new) in zip(node.outputs, outputs) { try edit.replace(old, with: new) }
    }
    return edit
  }
}
