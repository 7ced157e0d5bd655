import ExecutionPlan
import GraphIR

extension Emitter {
  /// Packs a matrix in the precision of the step that is being emitted.
  mutating func matrix(_ name: String, _ matrix: ColumnMatrix) -> ConstantID {
    packer.matrix(name, matrix, isPastFirstLevel ? precision : .float32)
  }

  /// Whether a step that halves the map has been emitted. What is rounded before that goes through the whole network,
  /// and every other stage makes it larger.
  private var isPastFirstLevel: Bool {
    steps.contains { if case .halveConvolution = $0.operation { true } else { false } }
  }

  /// What the precision means for each step, and why.
  var precisionExplanations: [Explanation] {
    guard precision == .bfloat16 else { return [] }
    var isFirstLevel = true
    return steps.map { step in
      defer { if case .halveConvolution = step.operation { isFirstLevel = false } }
      let reason = isFirstLevel ? Self.firstLevel : step.operation.roundingReason
      return Explanation(
        pass: "round-matrices", !isFirstLevel && step.operation.isRounded ? .applied : .rejected, node: step.name, reason)
    }
  }

  private static let firstLevel =
    "stays in float32: what is rounded on the first way down goes through all of the network, which makes it larger"
}

extension ExecutionPlan.Operation {
  fileprivate var isRounded: Bool {
    switch self {
    case .pictureConvolution, .outputConvolution: false
    case .scanStage, .feedForwardStage, .halveConvolution, .doubleConvolution: true
    }
  }

  fileprivate var roundingReason: String {
    switch self {
    case .pictureConvolution: "the picture's values would lose bits of their own"
    case .outputConvolution: "its sums are the result, and it is a few thousandths of the work"
    case .scanStage:
      "in_proj and out_proj in bfloat16, sums in float32; x_proj, which steers the scan, norms, scan and residual in float32"
    case .feedForwardStage:
      "project_in and project_out in bfloat16, sums in float32; norm, filter and residual in float32"
    case .halveConvolution, .doubleConvolution: "the convolution in bfloat16, sums in float32; resampling in float32"
    }
  }
}
