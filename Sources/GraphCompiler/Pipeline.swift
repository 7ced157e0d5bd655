import GraphIR
import Tensors

/// The whole compilation of a graph: this list.
public enum Pipeline {
  /// Portable rewrites, run to a fixpoint; then what prepares the stages, once each; then the stages themselves.
  static let simplify: [any Pass] = [
    FoldConstants(),
    SymmetriseSpectralFilter(),
    FoldBaseIntoDecay(),
  ]
  static let lower: [any Pass] = [
    FoldNormIntoLinear(),
    SplitLinear(),
    HoistOutOfWindows(),
    SinkFrames(),
  ]
  static let fuse: [any Pass] = [
    FuseScanStage(),
    FuseFeedForwardStage(),
    FuseHalveConvolution(),
    FuseDoubleConvolution(),
    FuseOutputConvolution(),
    FusePictureConvolution(),
  ]

  public enum Stage: String, Sendable, CaseIterable { case simplify, lower, fuse }

  public struct Options: Sendable {
    /// The last stage to run.
    public var last: Stage
    /// Whether to keep the graph after every pass.
    public var keepsSnapshots: Bool

    public init(last: Stage = .fuse, keepsSnapshots: Bool = false) {
      self.last = last
      self.keepsSnapshots = keepsSnapshots
    }
  }

  public struct Snapshot: Sendable {
    public var pass: String
    public var graph: Graph
  }

  public struct Result: Sendable {
    public var graph: Graph
    /// What each pass did and left undone, in order.
    public var explanations: [Explanation]
    /// The graph after every pass that changed it, if asked for.
    public var snapshots: [Snapshot]
  }

  /// Compiles a graph up to the stage that the options name.
  ///
  /// After ``Stage/fuse`` it consists of fused operators alone. Throws `compiler.not-fused`, naming what is left over,
  /// when it is not a network that they can express, and `graph.invalid` when a pass breaks a rule.
  public static func run(_ graph: Graph, _ options: Options = Options()) throws -> Result {
    var run = Run(graph: graph, keepsSnapshots: options.keepsSnapshots)
    try run.toFixpoint(simplify)
    if options.last == .simplify { return run.result }
    for pass in lower { _ = try run.apply(pass) }
    if options.last == .lower { return run.result }
    for pass in fuse { _ = try run.apply(pass) }
    try checkFused(run.result.graph)
    return run.result
  }

  /// Throws `compiler.not-fused` unless all operators are fused ones.
  static func checkFused(_ graph: Graph) throws {
    let left = graph.nodes.filter { !($0.op is any Decomposable) }
    if left.isEmpty { return }
    let names = left.prefix(20).map { "\(EVSSMError.escaped($0.name)) (\($0.op.label))" }
    let rest = left.count > names.count ? " and \(left.count - names.count) more" : ""
    throw EVSSMError(
      "compiler.not-fused",
      "The graph is not made of EVSSM's stages alone; left over are \(names.joined(separator: ", "))\(rest). "
        + "The explanations of the passes say why.")
  }
}

/// A compilation under way.
private struct Run {
  /// Rounds after which a list of passes must have come to rest.
  static let maxRounds = 16

  var result: Pipeline.Result
  let keepsSnapshots: Bool
  private var seen: Set<Explanation> = []

  init(graph: Graph, keepsSnapshots: Bool) {
    result = Pipeline.Result(graph: graph, explanations: [], snapshots: [])
    self.keepsSnapshots = keepsSnapshots
  }

  /// Applies a pass and tells whether it changed anything.
  mutating func apply(_ pass: any Pass) throws -> Bool {
    let name = type(of: pass).name
    let (graph, changed, explanations) = try pass.run(result.graph)
    result.graph = graph
    // The rounds of a fixpoint see the same places again.
    result.explanations += explanations.filter { seen.insert($0).inserted }
    if changed && keepsSnapshots { result.snapshots.append(Pipeline.Snapshot(pass: name, graph: graph)) }
    return changed
  }

  mutating func toFixpoint(_ passes: [any Pass]) throws {
    for _ in 0..<Self.maxRounds {
      var changed = false
      for pass in passes { changed = try apply(pass) || changed }
      if !changed { return }
    }
    throw EVSSMError(
      "compiler.no-fixpoint", "The rewrites did not come to rest after \(Self.maxRounds) rounds.", category: .internal)
  }
}
