import GraphIR
import GraphRaising
import GraphRewriting
import Tensors

/// The whole compilation of a graph: these lists, in order. What follows only packs weights and writes steps.
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
  /// After all of the above, for graphs of ONNX's operators: names for the stages of a graph that is a network; else the
  /// network that a part of the graph may be, by all of the above.
  static let name: [any Rewrite] = [NameStages()]
  static let embed: [any Rewrite] = [EmbedNetworks()]
  /// What is decided for the steps of a plan, once each.
  static let plan: [any PlanPass] = [
    ChooseSchedule(),
    ShareMaps(),
    RoundMatrices(),
  ]
  /// The operators that become steps: how is in the file of each.
  static let stages: [any StageLowering.Type] = [
    PictureConvolutionLowering.self,
    ScanStageLowering.self,
    FeedForwardStageLowering.self,
    HalveConvolutionLowering.self,
    DoubleConvolutionLowering.self,
    OutputConvolutionLowering.self,
  ]

  /// Groups of passes on graphs, at which a compilation may end.
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
    /// Whether the pass changed anything.
    package var changed: Bool
  }

  package struct Result: Sendable {
    package var graph: Graph
    /// What each pass did and left undone, in order.
    package var explanations: [Explanation]
    /// The graph after every pass, if asked for.
    package var snapshots: [Snapshot]
  }

  /// Runs the passes on graphs, up to those that the options name.
  ///
  /// After ``Stage/fuse`` the result consists of fused operators and primitives. A graph of primitives in which not
  /// everything that was raised ends in a fused stage stays as it was, but for the part that is a network, which becomes a
  /// ``FusedNetwork``; the explanations say what stood in the way. Throws `compiler.not-fused`, naming what is left over, when a
  /// graph of EVSSM's operators is not a network that the stages can express, and `graph.invalid` when a pass breaks a rule.
  package static func run(_ graph: Graph, _ options: Options = Options()) throws -> Result {
    guard graph.nodes.contains(where: { $0.op is Primitive }) else {
      let result = try compile(graph, options)
      try checkFused(result.graph, options)
      return result
    }
    guard options.raises else { return Result(graph: graph, explanations: [], snapshots: []) }
    let network = try self.network(graph, options)
    guard options.last == .fuse, !isMadeOfStages(network.graph) else { return network }
    var run = Run(graph: graph, keepsSnapshots: options.keepsSnapshots, snapshots: network.snapshots)
    if try run.apply(embed) { return run.result }
    run.result.explanations += network.explanations
    return run.result
  }

  /// The network that part of a graph of primitives may be: what ``run(_:_:)`` does where the graph as a whole is none.
  static func embedded(_ graph: Graph) throws -> Result {
    var run = Run(graph: graph, keepsSnapshots: false)
    _ = try run.apply(embed)
    return run.result
  }

  /// A graph of primitives as a network, or as it was.
  static func network(_ graph: Graph, _ options: Options = Options()) throws -> Result {
    var result = try compile(graph, options)
    guard options.last == .fuse else { return result }
    let leftOver = Self.leftOver(result.graph)
    let report = RaiseReport(source: graph, raised: result.graph, explanations: result.explanations)
    guard leftOver.isEmpty, isMadeOfStages(result.graph) else {
      result.explanations = report.kept(leftOver: leftOver)
      result.graph = graph
      return result
    }
    var run = Run(graph: result.graph, keepsSnapshots: options.keepsSnapshots, snapshots: result.snapshots)
    run.result.explanations = report.whole
    _ = try run.apply(name)
    return run.result
  }

  static func compile(_ graph: Graph, _ options: Options) throws -> Result {
    var run = Run(graph: graph, keepsSnapshots: options.keepsSnapshots)
    if graph.nodes.contains(where: { $0.op is Primitive }) {
      for pass in raise { _ = try run.apply(pass) }
    }
    // Raised operators have no meaning of their own: nothing further can be done with them.
    if options.last == .raise || run.result.graph.nodes.contains(where: { $0.op is RaisedOperator }) {
      return run.result
    }
    try run.toFixpoint(simplify)
    if options.last == .simplify { return run.result }
    _ = try run.apply(lower)
    if options.last == .lower { return run.result }
    _ = try run.apply(fuse)
    return run.result
  }

  /// Runs the passes on plans over a graph of fused operators.
  ///
  /// Throws `compile.no-kernel` for nodes that are none, and `plan.draft` when a pass breaks a rule.
  /// - Parameter after: called with each pass and the draft after it.
  static func decide(
    _ graph: Graph, _ settings: PlanSettings, after: (any PlanPass, PlanDraft) throws -> Void = { _, _ in }
  ) throws -> (draft: PlanDraft, explanations: [Explanation]) {
    var draft = try PlanDraft(graph)
    try draft.check(after: "the passes on graphs")
    var explanations: [Explanation] = []
    for pass in plan {
      explanations += try pass.decide(&draft, settings)
      try draft.check(after: type(of: pass).name)
      try after(pass, draft)
    }
    return (draft, explanations)
  }
}

extension Pipeline {
  /// How an operator becomes a step; nil for operators that do not.
  static func lowering(of op: any Operator) -> (any StageLowering)? {
    for stage in stages { if let lowering = stage.lowering(op) { return lowering } }
    return nil
  }

  /// Whether a graph is stages and nothing else.
  package static func isMadeOfStages(_ graph: Graph) -> Bool {
    !graph.nodes.isEmpty && graph.nodes.allSatisfy { lowering(of: $0.op) != nil }
  }

  /// Nodes that are neither stages nor primitives.
  private static func leftOver(_ graph: Graph) -> [Node] {
    graph.nodes.filter { lowering(of: $0.op) == nil && !($0.op is Primitive) }
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

  init(graph: Graph, keepsSnapshots: Bool, snapshots: [Pipeline.Snapshot] = []) {
    result = Pipeline.Result(graph: graph, explanations: [], snapshots: snapshots)
    self.keepsSnapshots = keepsSnapshots
  }

  /// Applies a rewrite and tells whether it changed anything.
  mutating func apply(_ pass: any Rewrite) throws -> Bool {
    let name = type(of: pass).name
    let (graph, changed, explanations) = try pass.run(result.graph)
    result.graph = graph
    // The rounds of a fixpoint see the same places again.
    result.explanations += explanations.filter { seen.insert($0).inserted }
    if keepsSnapshots { result.snapshots.append(Pipeline.Snapshot(pass: name, graph: graph, changed: changed)) }
    return changed
  }

  /// Applies rewrites once each and tells whether any changed anything.
  mutating func apply(_ passes: [any Rewrite]) throws -> Bool {
    var changed = false
    for pass in passes { changed = try apply(pass) || changed }
    return changed
  }

  mutating func toFixpoint(_ passes: [any Rewrite]) throws {
    for _ in 0..<Self.maxRounds {
      if try !apply(passes) { return }
    }
    throw EVSSMError(
      "compiler.no-fixpoint", "The rewrites did not come to rest after \(Self.maxRounds) rounds.", category: .internal)
  }
}
