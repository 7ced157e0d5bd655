import GraphIR
import GraphRewriting
import Tensors

/// Parts of a map's channels that together are the whole become one split.
package struct RaiseSplits: Pass {
  package init() {}

  package static let name = "raise-splits"
  package static let entersRegions = false

  package func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    var parts: [ValueID: [(first: Int, count: Int, node: Node)]] = [:]
    for node in graph.nodes {
      if case .channels(let first, let count)? = (node.op as? RaisedOperator)?.kind {
        parts[node.inputs[0], default: []].append((first, count, node))
      }
    }
    for (source, unsorted) in parts.sorted(by: { $0.key < $1.key }) {
      let sorted = unsorted.sorted { $0.first < $1.first }
      var next = 0
      let isTiling = sorted.allSatisfy { part in
        defer { next = part.first + part.count }
        return part.first == next
      }
      guard isTiling, graph[source].type.shape[1].known == next else {
        edit.rejected(sorted[0].node.name, "the parts that are cut from the channels are not the whole")
        continue
      }
      let results = try edit.add(Split(sorted.map(\.count)), [source], name: sorted[0].node.name)
      for (part, result) in zip(sorted, results) { try edit.replace(part.node.outputs[0], with: result) }
      edit.applied(sorted[0].node.name, "\(sorted.count) parts of the channels are a split")
    }
    return edit
  }
}
