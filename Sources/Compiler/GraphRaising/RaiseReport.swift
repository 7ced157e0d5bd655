import GraphIR
import PrimitiveOperators
import Tensors

/// What is told of a graph of ONNX's operators: whether it is an EVSSM network, what of one was found in it, and what stood in
/// the way.
package struct RaiseReport {
  /// Obstacles that are told for one graph.
  private static let maxReasons = 40

  /// As it was imported.
  package let source: Graph
  /// As far as the passes came.
  package let raised: Graph
  package let explanations: [Explanation]

  package init(source: Graph, raised: Graph, explanations: [Explanation]) {
    self.source = source
    self.raised = raised
    self.explanations = explanations
  }

  /// The explanations of a graph that was raised whole, and a summary.
  package var whole: [Explanation] {
    let end = raised.nodes.last?.name ?? ""
    return explanations + [
      Explanation(pass: "raise", .applied, node: end, "the graph is an EVSSM network: \(found(raised))")
    ]
  }

  package static let embeddedPass = "raise-embedded"

  /// That a network was recognised as a part of a graph.
  package static func embedded(in outer: Graph) -> Explanation {
    let network = outer.nodes.first { ($0.op as? Primitive)?.call == EmbeddedNetwork.call }
    return Explanation(
      pass: embeddedPass, .applied, node: network?.name ?? "",
      "a part of the graph is an EVSSM network and runs as its stages; nodes around it: \(outer.nodes.count - 1)")
  }

  /// Why what lies between a picture and a result is no network.
  package static func notEmbedded(_ cut: NetworkCut, of graph: Graph, _ reason: String) -> Explanation {
    let end = graph.producers[cut.result.index].map { graph.nodes[$0].name } ?? ""
    return Explanation(pass: embeddedPass, .rejected, node: end, reason)
  }

  /// The explanations of a graph that stays as it was: what was recognised, the first obstacle, and those behind it.
  package func kept(leftOver: [Node]) -> [Explanation] {
    let own = explanations.filter {
      $0.pass.hasPrefix("raise") || ($0.pass.hasPrefix("fuse") && $0.verdict == .rejected)
    }
    let order = Dictionary(source.nodes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let obstacles = own.filter { $0.verdict == .rejected }.sorted {
      (order[$0.node] ?? .max) < (order[$1.node] ?? .max)
    }
    let intermediate = leftOver.filter { $0.op is RaisedOperator }
    let rest = (intermediate.isEmpty ? leftOver : intermediate).map { node -> Explanation in
      let what = (node.op as? RaisedOperator)?.description ?? node.op.label
      return Explanation(pass: "raise", .rejected, node: node.name, "\(what) is left over, which no stage takes in")
    }
    let all = Array((inputObstacle.map { [$0] } ?? []) + obstacles + rest)
    let verdict = Explanation(
      pass: "raise", .rejected, node: all.first?.node ?? source.nodes.first?.name ?? "",
      "the graph runs node by node, as only whole networks become stages; recognised: \(found(raised)); "
        + "first obstacle: \(all.first?.reason ?? "none of the network's parts is in it")")
    return own.filter { $0.verdict == .applied } + all.prefix(Self.maxReasons) + [verdict]
  }

  /// Why no input is followed; nil when one is.
  private var inputObstacle: Explanation? {
    guard !source.inputs.contains(where: { RaisePrimitives.isPicture(source[$0].type) }) else { return nil }
    let types = source.inputs.prefix(8).map { "\(EVSSMError.escaped(source[$0].name)): \(source[$0].type)" }
    return Explanation(
      pass: "raise", .rejected, node: source.nodes.first?.name ?? "",
      "no input is a picture, float32[1, C, H, W]; the inputs are \(types.joined(separator: ", "))")
  }

  /// The parts of a network by name and number.
  private func found(_ graph: Graph) -> String {
    var counts: [String: Int] = [:]
    count(graph, &counts)
    let names = counts.keys.sorted().map { "\(counts[$0] ?? 0) \($0)" }
    return names.isEmpty ? "nothing" : names.joined(separator: ", ")
  }

  // The recursion is bounded by `Limits.maxRegionDepth` on verified graphs.
  private func count(_ graph: Graph, _ counts: inout [String: Int]) {
    for node in graph.nodes where !(node.op is Primitive) && !(node.op is RaisedOperator) {
      counts[node.op.label, default: 0] += 1
      for region in node.op.regions { count(region, &counts) }
    }
  }
}
