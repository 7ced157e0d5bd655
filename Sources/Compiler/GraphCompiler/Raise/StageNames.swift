import GraphIR
import Tensors

/// Names for the stages of a raised graph and their weights: those of the model, where the names of the weights tell them, or else the
/// stage's kind and number.
struct StageNames {
  let graph: Graph

  init(_ graph: Graph) { self.graph = graph }

  func named() throws -> Graph {
    var used: Set<String> = []
    var counts: [String: Int] = [:]
    let nodes = graph.nodes.map { node -> Node in
      guard node.op is any Decomposable else {
        used.insert(node.name)
        return node
      }
      counts[node.op.label, default: 0] += 1
      var copy = node
      let numbered = "\(node.op.label)_\(counts[node.op.label] ?? 0)"
      copy.name = name(of: node) ?? numbered
      if !used.insert(copy.name).inserted {
        copy.name = numbered
        used.insert(numbered)
      }
      return copy
    }
    return Graph(values: namedConstants(of: nodes), inputs: graph.inputs, outputs: graph.outputs, nodes: nodes)
  }

  /// The values, with names for constants that have none: those that a norm in pieces comes to. A plan's weights have names.
  private func namedConstants(of nodes: [Node]) -> [Value] {
    var values = graph.values
    for node in nodes {
      for (index, id) in node.inputs.enumerated()
      where values[id.index].constant != nil && values[id.index].name.isEmpty {
        values[id.index].name = "\(node.name).constant\(index)"
      }
    }
    return values
  }

  /// The name that the stage has in a graph built from the checkpoint.
  private func name(of node: Node) -> String? {
    let weights = node.inputs.filter { graph.constant($0) != nil }.map { graph[$0].name }
    func prefix(_ end: String) -> String? {
      weights.lazy.compactMap { name in name.range(of: end).map { String(name[..<$0.lowerBound]) } }.first
    }
    switch node.op {
    case is FusedScanStage: return prefix(".attn.").map { $0 + ".scan_stage" }
    case is FusedFeedForwardStage: return prefix(".ffn.").map { $0 + ".feed_forward_stage" }
    case is FusedDoubleConvolution: return prefix(".body.1.weight").map { $0 + ".skip" }
    case is FusedHalveConvolution: return prefix(".weight")
    case is FusedPictureConvolution: return prefix(".weight")
    case is FusedOutputConvolution: return prefix(".weight").map { $0 + ".crop" }
    default: return nil
    }
  }
}
