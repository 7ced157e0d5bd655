import GraphIR
import GraphRaising
import GraphRewriting
import PrimitiveOperators
import Tensors

/// A network that is a part of a graph of primitives becomes one ``FusedNetwork``, whose body has gone through all the
/// passes of a network of its own.
struct EmbedNetworks: Rewrite {
  static let name = RaiseReport.embeddedPass

  /// Where there is no network, the graph as it was, and for each place that was tried what stood in the way, the last one
  /// first.
  func run(_ graph: Graph) throws -> (graph: Graph, changed: Bool, explanations: [Explanation]) {
    var obstacles: [Explanation] = []
    for cut in NetworkCut.candidates(graph) {
      do {
        let parts = try cut.parts(graph)
        try Verifier.check(parts.inner, after: Self.name)
        try Verifier.check(parts.outer, after: Self.name)
        let network = try Pipeline.network(parts.inner)
        guard Pipeline.isMadeOfStages(network.graph) else { continue }
        let embedded = try embed(network.graph, in: parts.outer)
        return (embedded, true, network.explanations + [RaiseReport.embedded(in: parts.outer)])
      } catch let error as EVSSMError {
        // Whatever is wrong with a part, the whole graph still runs.
        obstacles.insert(RaiseReport.notEmbedded(cut, of: graph, error.message), at: 0)
      } catch let mismatch as Mismatch {
        obstacles.insert(RaiseReport.notEmbedded(cut, of: graph, mismatch.reason), at: 0)
      }
    }
    return (graph, false, obstacles)
  }

  /// The graph around a network with the network in its place.
  private func embed(_ body: Graph, in outer: Graph) throws -> Graph {
    let nodes = outer.nodes.map { node in
      var node = node
      if (node.op as? Primitive)?.call == EmbeddedNetwork.call { node.op = FusedNetwork(body: body) }
      return node
    }
    let graph = Graph(values: outer.values, inputs: outer.inputs, outputs: outer.outputs, nodes: nodes)
    try Verifier.check(graph, after: Self.name)
    return graph
  }
}
