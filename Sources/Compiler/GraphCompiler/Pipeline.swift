import GraphIR
import Tensors

/// The whole compilation of a graph: this list.
package enum Pipeline {
  /// EVSSM's operators in graphs of ONNX's, once each; then portable rewrites, run to a fixpoint; then what prepares the
  /// stages, once each; then the stages themselves.
  static let raise: [any Rewrite] = [
    RaiseWindowLoops(),
    RaisePrimitives(),
    RaiseSplits(),
    RaiseForms(),
    RaiseWindows(),
    RaiseWindowNorms(),
    RaisePicture(),
  ]
  /// Of the above, those for what is done to a window.
  static let raiseRegions: [any Rewrite] = [RaisePrimitives(), RaiseSplits(), RaiseForms()]
  static let simplify: [any Rewrite] = [
    FoldConstants(),
    SymmetriseSpectralFilter(),
    FoldBaseIntoDecay(),
  ]
  static let lower: [any Rewrite] = [
    FoldNormIntoLinear(),
    SplitLinear(),
    HoistOutOfWindows(),
    SinkFrames(),
  ]
  static let fuse: [any Rewrite] = [
    FuseScanStage(),
    FuseFeedForwardStage(),
    FuseHalveConvolution(),
    FuseDoubleConvolution(),
    FuseOutputConvolution(),
    FusePictureConvolution(),
  ]

  package enum Stage: String, Sendable, CaseIterable { case raise, simplify, lower, fuse }

  package struct Options: Sendable {
    /// The last stage to run.
    package var last: Stage
    /// Whether to keep the graph after every pass.
    package var keepsSnapshots: Bool
    /// Whether EVSSM's operators are looked for in graphs of ONNX's.
    package var raises: Bool

    package init(last: Stage = .fuse, keepsSnapshots: Bool = false, raises: Bool = true) {
      self.last = last
      self.keepsSnapshots = keepsSnapshots
      self.raises = raises
    }
  }

  package struct Snapshot: Sendable {
    package var pass: String
    package var graph: Graph
  }

  package struct Result: Sendable {
    package var graph: Graph
    /// What each pass did and left undone, in order.
    package var explanations: [Explanation]
    /// The graph after every pass that changed it, if asked for.
    package var snapshots: [Snapshot]
  }

  /// Compiles a graph up to the stage that the options name.
  ///
  /// After ``Stage/fuse`` it consists of fused operators and primitives. A graph of primitives in which not everything
  /// that was raised ends in a fused stage stays as it was; the explanations say what stood in the way. Throws
  /// `compiler.not-fused`, naming what is left over, when a graph of EVSSM's operators is not a network that the stages can
  /// express, and `graph.invalid` when a pass breaks a rule.
  package static func run(_ graph: Graph, _ options: Options = Options()) throws -> Result {
    guard graph.nodes.contains(where: { $0.op is Primitive }) else {
      let result = try compile(graph, options)
      try checkFused(result.graph, options)
      return result
    }
    guard options.raises else { return Result(graph: graph, explanations: [], snapshots: []) }
    var result = try compile(graph, options)
    guard options.last == .fuse else { return result }
    let leftOver = Self.leftOver(result.graph)
    let report = RaiseReport(source: graph, raised: result.graph, explanations: result.explanations)
    if leftOver.isEmpty, result.graph.nodes.allSatisfy({ $0.op is any Decomposable }) {
      result.explanations = report.whole
      result.graph = try StageNames(result.graph).named()
      return result
    }
    result.explanations = report.kept(leftOver: leftOver)
    result.graph = graph
    return result
  }

  private static func compile(_ graph: Graph, _ options: Options) throws -> Result {
    var run = Run(graph: graph, keepsSnapshots: options.keepsSnapshots)
    if graph.nodes.contains(where: { $0.op is Primitive }) {
      for pass in raise { _ = try run.apply(pass) }
    }
    // Lifted operators have no meaning of their own: nothing further can be done with them.
    if options.last == .raise || run.result.graph.nodes.contains(where: { $0.op is LiftedOperator }) {
      return run.result
    }
    try run.toFixpoint(simplify)
    if options.last == .simplify { return run.result }
    for pass in lower { _ = try run.apply(pass) }
    if options.last == .lower { return run.result }
    for pass in fuse { _ = try run.apply(pass) }
    return run.result
  }

  /// Nodes that are neither stages nor primitives.
  private static func leftOver(_ graph: Graph) -> [Node] {
    graph.nodes.filter { !($0.op is any Decomposable) && !($0.op is Primitive) }
  }

  /// Throws `compiler.not-fused` unless all operators are fused ones.
  static func checkFused(_ graph: Graph, _ options: Options = Options()) throws {
    let left = leftOver(graph)
    if left.isEmpty || options.last != .fuse { return }
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

  /// Applies a rewrite and tells whether it changed anything.
  mutating func apply(_ pass: any Rewrite) throws -> Bool {
    let name = type(of: pass).name
    let (graph, changed, explanations) = try pass.run(result.graph)
    result.graph = graph
    // The rounds of a fixpoint see the same places again.
    result.explanations += explanations.filter { seen.insert($0).inserted }
    if changed && keepsSnapshots { result.snapshots.append(Pipeline.Snapshot(pass: name, graph: graph)) }
    return changed
  }

  mutating func toFixpoint(_ passes: [any Rewrite]) throws {
    for _ in 0..<Self.maxRounds {
      var changed = false
      for pass in passes { changed = try apply(pass) || changed }
      if !changed { return }
    }
    throw EVSSMError(
      "compiler.no-fixpoint", "The rewrites did not come to rest after \(Self.maxRounds) rounds.", category: .internal)
  }
}
