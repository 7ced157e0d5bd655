import Tensors

extension Limits {
  /// Nesting of a symbolic size: a quotient or maximum inside a quotient or maximum, and so on.
  public static let maxDimensionDepth = 32
  /// Terms of one symbolic size.
  public static let maxDimensionTerms = 256
  /// Graphs inside graphs, as in the body of a region operator.
  public static let maxRegionDepth = 8
  /// Nodes of one graph.
  public static let maxGraphNodes = 1_000_000
}
