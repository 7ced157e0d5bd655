import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors

/// Recognises the feed-forward half of a block as ``FusedFeedForwardStage``.
///
/// Of the frame only the half turn shows: it anchors the grid. The transpose is in the kernels already.
struct FuseFeedForwardStage: FusingPass {
  static let name = "fuse-feed-forward-stage"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard let add = node.op as? ElementwiseBinary, add.function == .add,
      let crop = matcher.find(node.inputs[1], Crop.self, inputs: 1),
      let filter = matcher.find(crop.inputs[0], SpectralFilter.self, inputs: 2)
    else { return nil }
    let x = node.inputs[0]
    let pad = try matcher.match(filter.inputs[0], ReflectPad.self, inputs: 1)
    try matcher.require(
      pad.op.multiple == 8 && pad.op.growing == crop.op.keeping.opposite, "the pad is not the one that is cropped again"
    )
    let out = try matcher.match(pad.inputs[0], PointwiseLinear.self, inputs: 2)
    let (gelu, b) = try matcher.binary(out.inputs[0], .multiply)
    let a = try matcher.unary(gelu, .gelu)
    let split = try matcher.match(a, Split.self, inputs: 1)
    try matcher.require(
      split.node.outputs == [a, b] && split.op.sizes.first == split.op.sizes.last, "the gate is not made of two halves")
    let convolution = try matcher.match(split.inputs[0], DepthwiseConvolution.self, inputs: 2)
    let projection = try matcher.match(convolution.inputs[0], PointwiseLinear.self, inputs: 3)
    let norm = try matcher.match(projection.inputs[0], RMSNorm.self, inputs: 1)
    try matcher.require(norm.inputs[0] == x, "the norm reads another map than the residual")
    let constants = [
      projection.inputs[1], projection.inputs[2], convolution.inputs[1], out.inputs[1], filter.inputs[1],
    ]
    try matcher.constants(constants)
    let frame = Frame(halfTurned: pad.op.growing == .start)
    let op = FusedFeedForwardStage(frame: frame, hidden: split.op.sizes[0], epsilon: norm.op.epsilon)
    return Fusion(op: op, operands: ([x] + constants).map(Fusion.Operand.value))
  }
}

/// ``FusedFeedForwardStage`` to ``FeedForwardStage``.
struct FeedForwardStageLowering: StageLowering {
  static let role = StageRole.halfOfBlock
  static let rounding = StageRounding.matrices(
    "project_in and project_out in bfloat16, sums in float32; norm, filter and residual in float32")
  static let overwritable: OverwritableOperand? = OverwritableOperand(operand: 0, name: "input")

  private typealias Operand = FusedFeedForwardStage.Operand
  private let stage: FusedFeedForwardStage
  private var choice: Schedule.FeedForwardChoice?

  init(_ stage: FusedFeedForwardStage) { self.stage = stage }

  static func modelName(_ weights: WeightNames) -> String? {
    weights.prefix(before: ".ffn.").map { $0 + ".feed_forward_stage" }
  }

  mutating func choose(_ schedule: Schedule, _ operands: StageOperands) throws -> String? {
    let channels = try operands.shape(Operand.projectIn.rawValue)[1]
    let choice = schedule.feedForward(channels: channels, hidden: stage.hidden)
    self.choice = choice
    return choice.reason
  }

  var choices: [Attribute] {
    choice.map { [Attribute("strip_rows", $0.stripRows), Attribute("panel_columns", $0.panelColumns)] } ?? []
  }

  func result(_ operands: StageOperands) throws -> StageResult? {
    StageResult(channels: try operands.shape(Operand.projectIn.rawValue)[1], size: .same)
  }

  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation {
    guard let choice else { throw Self.unscheduled(operands) }
    // Only the grid's anchor depends on the half turn; rows of the upright map are the fast ones in memory, so a
    // transpose is not followed.
    let frame = Frame(transposed: false, halfTurned: stage.frame.halfTurned)
    func weight(_ operand: Operand) throws -> StageOperands.Weight { try operands.weight(operand.rawValue) }
    let weights = FeedForwardStage.Weights(
      projectIn: packer.halves(try weight(.projectIn), hidden: stage.hidden, operands.precision),
      projectInBias: packer.halvesVector(try weight(.projectInBias), hidden: stage.hidden),
      convolution: packer.halvesDepthwise(try weight(.convolution), hidden: stage.hidden, frame),
      projectOut: packer.linear(try weight(.projectOut), operands.precision),
      filter: packer.filter(try weight(.filter)))
    return FeedForwardStage(
      input: try maps.operand(0), output: try maps.output(),
      channels: try operands.shape(Operand.projectIn.rawValue)[1], hidden: stage.hidden, frame: frame,
      rmsEpsilon: Float(stage.epsilon), stripRows: choice.stripRows, panelColumns: choice.panelColumns,
      weights: weights)
  }
}

extension WeightPacker {
  /// A (2·hidden, inputs) matrix whose halves each start on a pitch.
  fileprivate mutating func halves(
    _ weight: StageOperands.Weight, hidden: Int, _ precision: Precision
  ) -> ConstantID {
    let (outputs, inputs, pitch) = (weight.shape[0], weight.shape[1], Layout.pitch(hidden))
    let columns = ColumnMatrix(weight: weight.values, outputs: outputs, inner: inputs, columns: 2 * pitch) { output in
      output < hidden ? output : output - hidden + pitch
    }
    return matrix(weight.name, columns, precision)
  }

  fileprivate mutating func halvesVector(_ weight: StageOperands.Weight, hidden: Int) -> ConstantID {
    rows(weight.name, [Array(weight.values[..<hidden]), Array(weight.values[hidden...])])
  }

  /// Nine rows of two halves, each half on a pitch.
  fileprivate mutating func halvesDepthwise(
    _ weight: StageOperands.Weight, hidden: Int, _ frame: Frame
  ) -> ConstantID {
    let first = weight.taps(channels: 0..<hidden, frame)
    let second = weight.taps(channels: hidden..<2 * hidden, frame)
    return rows(weight.name, zip(first, second).flatMap { [$0, $1] })
  }

  /// A (channels, 8, 8) transfer function as its half spectrum [8][5][channels], over 64.
  fileprivate mutating func filter(_ weight: StageOperands.Weight) -> ConstantID {
    let side = Layout.patch
    return rows(
      weight.name,
      (0..<side * (side / 2 + 1)).map { index in
        let (u, v) = index.quotientAndRemainder(dividingBy: side / 2 + 1)
        return (0..<weight.shape[0]).map { weight.values[($0 * side + u) * side + v] / Float(side * side) }
      })
  }
}

extension Schedule {
  struct FeedForwardChoice {
    var stripRows: Int
    var panelColumns: Int
    var reason: String
  }

  private struct FeedForwardCandidate {
    let columns: Int
    let bytes: Int
    let cycles: Double
  }

  /// A thread has a panel to itself, so a strip of more than a row only takes more memory.
  func feedForward(channels: Int, hidden: Int) -> FeedForwardChoice {
    let rows = feedForwardRows ?? 1
    let candidates = (feedForwardColumns.map { [$0] } ?? [32, 64]).map {
      candidate(rows, $0, channels: channels, hidden: hidden)
    }
    guard let best = candidates.min(by: { $0.cycles < $1.cycles }) else {
      return FeedForwardChoice(stripRows: rows, panelColumns: 64, reason: "no candidate")
    }
    return FeedForwardChoice(
      stripRows: rows, panelColumns: best.columns,
      reason:
        "strips of \(rows) rows in panels of \(best.columns) columns, a thread each: \(Self.megabytes(best.bytes)) "
        + "of buffers, in the \(model.level(best.bytes * target.cores).rawValue)")
  }

  /// A pixel of a row in the ring holds both hidden halves; the gated row, and of a band the projection and the map, have
  /// one each. Panels compute the columns at their edges twice.
  private func candidate(_ rows: Int, _ columns: Int, channels: Int, hidden: Int) -> FeedForwardCandidate {
    let (wide, narrow) = (2 * Layout.pitch(hidden), Layout.pitch(channels))
    let bytes = 4 * columns * ((rows + 2) * wide + wide / 2 + 2 * Layout.patch * narrow)
    let halo = 2 * Double(channels * wide) / Double(columns * Layout.lanes)
    let traffic = 4 * (4 * wide + 2 * narrow)
    return FeedForwardCandidate(
      columns: columns, bytes: bytes, cycles: Double(traffic) * model.cyclesPerByte(bytes * target.cores) + halo)
  }
}
