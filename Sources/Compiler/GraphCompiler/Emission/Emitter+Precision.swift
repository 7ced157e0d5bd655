import ExecutionPlan
import GraphIR

extension Emitter {
  /// Packs a matrix in the precision of the step that is being emitted.
  mutating func matrix(_ name: String, _ matrix: ColumnMatrix) -> ConstantID {
    packer.matrix(name, matrix, isLate(steps.count) ? precision : .float32)
  }

  /// Whether a step, of which there is one for each node of the graph, comes late enough to be rounded: in the second half of the first level on the way down, or behind the
  /// first halving. What is rounded before that goes through the whole network, and every other stage makes it larger.
  private func isLate(_ step: Int) -> Bool {
    guard let halving = graph.nodes.firstIndex(where: { $0.op is GraphIR.HalveConvolution }) else { return false }
    if step >= halving { return step > halving }
    let stages = graph.nodes[..<halving].indices.filter { Self.isStage(graph.nodes[$0].op) }
    // A block is a scan stage and a feed-forward stage; the first half of them, rounded up, is early.
    let blocks = stages.count / 2
    return stages.dropFirst((blocks + 1) / 2 * 2).contains(step)
  }

  /// What the precision means for each step, and why.
  var precisionExplanations: [Explanation] {
    guard precision == .bfloat16 else { return [] }
    return steps.indices.map { index in
      let operation = steps[index].operation
      let reason = isLate(index) || !operation.takesBFloat16 ? operation.roundingReason : Self.early
      return Explanation(
        pass: "round-matrices", isLate(index) && operation.takesBFloat16 ? .applied : .rejected,
        node: steps[index].name,
        reason)
    }
  }

  private static func isStage(_ op: any Operator) -> Bool { op is GraphIR.ScanStage || op is GraphIR.FeedForwardStage }

  private static let early =
    "stays in float32: what is rounded early on the way down goes through all of the network, which makes it larger"
}

extension PlanOperation {
  fileprivate var roundingReason: String {
    switch self {
    case is ExecutionPlan.PictureConvolution: "the picture's values would lose bits of their own"
    case is ExecutionPlan.OutputConvolution: "its sums are the result, and it is a few thousandths of the work"
    case is ExecutionPlan.ScanStage:
      "in_proj and out_proj in bfloat16, sums in float32; x_proj, which steers the scan, norms, scan and residual in float32"
    case is ExecutionPlan.FeedForwardStage:
      "project_in and project_out in bfloat16, sums in float32; norm, filter and residual in float32"
    default: "the convolution in bfloat16, sums in float32; resampling in float32"
    }
  }
}
