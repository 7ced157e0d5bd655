import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

extension Pipeline {
  /// The names of all passes, in the order of the lists.
  package static var passNames: [String] {
    (raise + simplify + lower + fuse + name + embed).map { type(of: $0).name } + plan.map { type(of: $0).name }
  }

  /// A graph as text: as it is written, or as it is after a pass; after a pass on plans, the plan's steps.
  ///
  /// Of a list that is run to a fixpoint, what the pass leaves the last time. Throws `compile.pass` for the name of no pass,
  /// and for a pass that does not run on this graph, with the names that are right; and what the passes up to that one throw.
  /// - Parameter pass: the pass; nil for the graph as it is written.
  package static func dump(
    _ graph: Graph, after pass: String? = nil, _ settings: PlanSettings = PlanSettings()
  ) throws -> String {
    guard let pass else { return graph.dump() }
    guard passNames.contains(pass) else {
      throw passError("There is no pass \(EVSSMError.escaped(pass)). The passes are", passNames)
    }
    let options = Options(keepsSnapshots: true)
    // A graph that is no network still shows what the passes before have made of it.
    let isPrimitive = graph.nodes.contains { $0.op is Primitive }
    let result = try isPrimitive ? run(graph, options) : compile(graph, options)
    if let snapshot = result.snapshots.last(where: { $0.pass == pass }) { return snapshot.graph.dump() }
    var names = result.snapshots.map(\.pass)
    if let stages = stages(of: result.graph) {
      var texts: [String: String] = [:]
      _ = try decide(stages, settings) { texts[type(of: $0).name] = try $1.dump() }
      if let text = texts[pass] { return text }
      names += plan.map { type(of: $0).name }
    }
    throw passError(
      "Pass \(pass) does not run on this graph. Those that do are", passNames.filter(Set(names).contains))
  }

  /// The graph of fused operators that a plan would run, as a whole or as a part; nil where it would run node by node.
  private static func stages(of graph: Graph) -> Graph? {
    if isMadeOfStages(graph) { return graph }
    return graph.nodes.lazy.compactMap { ($0.op as? FusedNetwork)?.body }.first
  }

  private static func passError(_ text: String, _ names: [String]) -> EVSSMError {
    EVSSMError(
      "compile.pass", "\(text), in order: \(names.joined(separator: ", ")).", category: .usage,
      place: .init(option: "--after"))
  }
}
