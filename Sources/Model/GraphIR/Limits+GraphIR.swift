import Tensors

extension Limits {
  /// Graphs inside graphs, as in the body of a region operator.
  public static let maxRegionDepth = 8
  /// Nodes of one graph.
  public static let maxGraphNodes = 1_000_000
}
