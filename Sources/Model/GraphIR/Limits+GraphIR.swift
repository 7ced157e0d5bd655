import Tensors

extension Limits {
  /// Graphs inside graphs, as in the body of a region operator.
  package static let maxRegionDepth = 8
  /// Nodes of one graph.
  package static let maxGraphNodes = 1_000_000
}
