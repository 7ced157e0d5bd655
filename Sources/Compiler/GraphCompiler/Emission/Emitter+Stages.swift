import ExecutionPlan
import GraphIR
import Tensors

extension Emitter {
  mutating func scanStage(_ node: Node, _ stage: GraphIR.ScanStage) throws -> any PlanOperation {
    typealias Operand = GraphIR.ScanStage.Operand
    let shape = try constant(node, Operand.inProjectionX.rawValue).shape
    let (inner, channels) = (shape[0], shape[1])
    let input = try buffer(node, 0)
    let choice = schedule.scan(inner: inner, rank: stage.rank)
    explain(node, choice.reason)
    let weights = ExecutionPlan.ScanStage.Weights(
      inProjectionX: try linear(node, Operand.inProjectionX.rawValue),
      inProjectionXBias: try vector(node, Operand.inProjectionXBias.rawValue),
      convolution: try depthwise(node, Operand.convolution.rawValue, stage.frame),
      convolutionBias: try vector(node, Operand.convolutionBias.rawValue),
      xProjection: try linear(node, Operand.xProjection.rawValue, isRounded: false),
      taps: try transposed(node, Operand.taps.rawValue),
      tapsBias: try vector(node, Operand.tapsBias.rawValue),
      dtProjection: try transposed(node, Operand.dtProjection.rawValue),
      dtBias: try vector(node, Operand.dtBias.rawValue), decay: try transposed(node, Operand.decay.rawValue),
      skip: try vector(node, Operand.skip.rawValue), normWeight: try vector(node, Operand.normWeight.rawValue),
      normBias: try vector(node, Operand.normBias.rawValue),
      inProjectionZ: try linear(node, Operand.inProjectionZ.rawValue),
      inProjectionZBias: try vector(node, Operand.inProjectionZBias.rawValue),
      outProjection: try linear(node, Operand.outProjection.rawValue))
    return ExecutionPlan.ScanStage(
      input: input, output: try stageOutput(node, input, channels), channels: channels, inner: inner,
      rank: stage.rank,
      frame: stage.frame, windowSide: stage.windowSide, rmsEpsilon: Float(stage.rmsEpsilon),
      layerNormEpsilon: Float(stage.layerNormEpsilon), stripPixels: choice.stripPixels, weights: weights)
  }

  mutating func feedForwardStage(_ node: Node, _ stage: GraphIR.FeedForwardStage) throws -> any PlanOperation {
    typealias Operand = GraphIR.FeedForwardStage.Operand
    let channels = try constant(node, Operand.projectIn.rawValue).shape[1]
    let input = try buffer(node, 0)
    // Only the grid's anchor depends on the half turn; rows of the upright map are the fast ones in memory, so a
    // transpose is not followed.
    let frame = Frame(transposed: false, halfTurned: stage.frame.halfTurned)
    let choice = schedule.feedForward(channels: channels, hidden: stage.hidden)
    explain(node, choice.reason)
    let weights = ExecutionPlan.FeedForwardStage.Weights(
      projectIn: try halves(node, Operand.projectIn.rawValue, hidden: stage.hidden),
      projectInBias: try halvesVector(node, Operand.projectInBias.rawValue, hidden: stage.hidden),
      convolution: try halvesDepthwise(node, Operand.convolution.rawValue, hidden: stage.hidden, frame),
      projectOut: try linear(node, Operand.projectOut.rawValue), filter: try filter(node, Operand.filter.rawValue))
    return ExecutionPlan.FeedForwardStage(
      input: input, output: try stageOutput(node, input, channels), channels: channels, hidden: stage.hidden,
      frame: frame,
      rmsEpsilon: Float(stage.epsilon), stripRows: choice.stripRows, panelColumns: choice.panelColumns,
      weights: weights)
  }

  /// The input's buffer where no later node needs what is in it, else a new one.
  private mutating func stageOutput(_ node: Node, _ input: BufferID, _ channels: Int) throws -> BufferID {
    guard isLastUse(of: node.inputs[0], at: node) else {
      explain(node, "a map of its own: a later step reads the input", pass: "share-maps", .rejected)
      return makeBuffer(node, channels: channels, divisor: try divisor(input))
    }
    explain(node, "writes over its input, which no later step reads", pass: "share-maps")
    takeOver(input, for: node)
    return input
  }
}

// MARK: - Layouts

extension Emitter {
  /// A (outputs, inputs) matrix, packed.
  private mutating func linear(_ node: Node, _ input: Int, isRounded: Bool = true) throws -> ConstantID {
    let (shape, values) = try constant(node, input)
    let columns = ColumnMatrix(weight: values, outputs: shape[0], inner: shape[1], columns: shape[0])
    return isRounded ? matrix(name(node, input), columns) : packer.matrix(name(node, input), columns)
  }

  private mutating func vector(_ node: Node, _ input: Int) throws -> ConstantID {
    packer.vector(name(node, input), try constant(node, input).values)
  }

  /// A (channels, n) matrix as n vectors over channels.
  private mutating func transposed(_ node: Node, _ input: Int) throws -> ConstantID {
    let (shape, values) = try constant(node, input)
    let rows = (0..<shape[1]).map { n in (0..<shape[0]).map { values[$0 * shape[1] + n] } }
    return packer.rows(name(node, input), rows)
  }

  /// A (channels, 3, 3) kernel for upright maps as nine vectors over channels, in the frame's coordinates.
  private mutating func depthwise(_ node: Node, _ input: Int, _ frame: Frame) throws -> ConstantID {
    let (shape, values) = try constant(node, input)
    return packer.rows(name(node, input), Self.taps(values, channels: 0..<shape[0], frame))
  }

  private static func taps(_ values: [Float], channels: Range<Int>, _ frame: Frame) -> [[Float]] {
    let kernels = channels.map { frame.apply(to: Array(values[$0 * 9..<$0 * 9 + 9]), side: 3) }
    return (0..<9).map { tap in kernels.map { $0[tap] } }
  }

  /// A (2·hidden, inputs) matrix whose halves each start on a pitch.
  private mutating func halves(_ node: Node, _ input: Int, hidden: Int) throws -> ConstantID {
    let (shape, values) = try constant(node, input)
    let pitch = Layout.pitch(hidden)
    let columns = ColumnMatrix(weight: values, outputs: shape[0], inner: shape[1], columns: 2 * pitch) { output in
      output < hidden ? output : output - hidden + pitch
    }
    return matrix(name(node, input), columns)
  }

  private mutating func halvesVector(_ node: Node, _ input: Int, hidden: Int) throws -> ConstantID {
    let values = try constant(node, input).values
    return packer.rows(name(node, input), [Array(values[..<hidden]), Array(values[hidden...])])
  }

  /// Nine rows of two halves, each half on a pitch.
  private mutating func halvesDepthwise(
    _ node: Node, _ input: Int, hidden: Int, _ frame: Frame
  ) throws -> ConstantID {
    let values = try constant(node, input).values
    let first = Self.taps(values, channels: 0..<hidden, frame)
    let second = Self.taps(values, channels: hidden..<2 * hidden, frame)
    return packer.rows(name(node, input), zip(first, second).flatMap { [$0, $1] })
  }

  /// A (channels, 8, 8) transfer function as its half spectrum [8][5][channels], over 64.
  private mutating func filter(_ node: Node, _ input: Int) throws -> ConstantID {
    let (shape, values) = try constant(node, input)
    let side = Layout.patch
    let rows = (0..<side * (side / 2 + 1)).map { index in
      let (u, v) = index.quotientAndRemainder(dividingBy: side / 2 + 1)
      return (0..<shape[0]).map { values[($0 * side + u) * side + v] / Float(side * side) }
    }
    return packer.rows(name(node, input), rows)
  }
}
