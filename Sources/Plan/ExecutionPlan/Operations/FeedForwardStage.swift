import CPlanProto
import ProtobufWire
import Tensors

/// The residual feed-forward stage (spec: EDFFN) from `input` to `output`, which may be the same buffer.
///
/// x + spectral(projectOut · (GELU(a) ⊙ b)), [a, b] = depthwise(projectIn · norm(x)), streamed over bands of the frame.
/// With C channels and e hidden channels; ĉ is pitch(c). In the packed 2e-wide matrix and kernels each half has its own
/// pitch.
package struct FeedForwardStage: PlanOperation {
  package var input: BufferID
  package var output: BufferID
  package var channels: Int
  package var hidden: Int
  /// Where the 8×8 grid is anchored.
  package var frame: Frame
  package var rmsEpsilon: Float
  /// Rows of a band are expanded this many at a time: 1, 2, 4 or 8.
  package var stripRows: Int
  /// Columns a panel, a multiple of 8 and at least 16; wider maps are cut into panels.
  package var panelColumns: Int
  package var weights: Weights

  /// Kernels are in the frame's coordinates, as the bands are.
  package struct Weights: Sendable, Hashable {
    /// Packed, C × 2ê; the norm's weight folded in.
    package var projectIn: ConstantID
    /// 2ê; the norm's bias folded in.
    package var projectInBias: ConstantID
    /// [9][2ê].
    package var convolution: ConstantID
    /// Packed, e × Ĉ.
    package var projectOut: ConstantID
    /// [8][5][Ĉ]: half of a real even transfer function, divided by 64.
    package var filter: ConstantID

    package init(
      projectIn: ConstantID, projectInBias: ConstantID, convolution: ConstantID, projectOut: ConstantID,
      filter: ConstantID
    ) {
      self.projectIn = projectIn
      self.projectInBias = projectInBias
      self.convolution = convolution
      self.projectOut = projectOut
      self.filter = filter
    }
  }

  package init(
    input: BufferID, output: BufferID, channels: Int, hidden: Int, frame: Frame, rmsEpsilon: Float, stripRows: Int,
    panelColumns: Int, weights: Weights
  ) {
    self.input = input
    self.output = output
    self.channels = channels
    self.hidden = hidden
    self.frame = frame
    self.rmsEpsilon = rmsEpsilon
    self.stripRows = stripRows
    self.panelColumns = panelColumns
    self.weights = weights
  }
}

extension FeedForwardStage {
  package var label: String { "feed-forward stage, \(channels) channels, frame \(frame)" + inPlaceLabel }

  /// What the parts of the map read of each other is saved before any of it is written over.
  package var inPlaceBuffer: BufferID? { input }

  package func requirements() throws -> Requirements {
    let c = Layout.pitch(channels)
    let e = Layout.pitch(hidden)
    return Requirements(
      reads: [.init(buffer: input, channels: channels, role: .same)],
      writes: [.init(buffer: output, channels: channels, role: .same)],
      constants: [
        try .matrix(weights.projectIn, inner: channels, 2, e), try .values(weights.projectInBias, 2, e),
        try .values(weights.convolution, 9, 2, e), try .matrix(weights.projectOut, inner: hidden, c),
        try .values(weights.filter, Layout.patch, Layout.patch / 2 + 1, c),
      ])
  }

  package func checkNumbers() throws {
    try OperationChecks.channels(channels)
    try OperationChecks.number(hidden, in: 1...OperationBounds.maxHidden, "hidden")
    try OperationChecks.epsilon(rmsEpsilon, "rms_epsilon")
    guard [1, 2, 4, 8].contains(stripRows) else {
      throw OperationChecks.error("strip_rows", stripRows, "1, 2, 4 or 8")
    }
    try OperationChecks.number(panelColumns, in: 2 * Layout.patch...Limits.maxPictureSide, "panel_columns")
    guard panelColumns % Layout.patch == 0 else {
      throw OperationChecks.error("panel_columns", panelColumns, "a multiple of 8")
    }
  }

  package func tileLayout() throws -> TileLayout {
    try TileLayout(
      operand: [TileLayout.pixels, max(Layout.pitch(channels), Layout.pitch(hidden))],
      result: [Layout.patch * Layout.patch, Layout.pitch(channels)])
  }

  package func scratchFloats(height: Int, width: Int) throws -> Int {
    try FeedForwardLayout(self, height: height, width: width).seams
  }

  package func threadScratchFloats(height: Int, width: Int) throws -> Int {
    try Checked.add(tileLayout().total, FeedForwardLayout(self, height: height, width: width).total)
  }

  package func multiplyAdds(in bound: BoundPlan) throws -> Int {
    try Checked.multiply(bound.pixels(input), 3 * hidden * channels + 18 * hidden)
  }
}

// MARK: - Coding

extension FeedForwardStage {
  package static let field: UInt32 = 4

  package func encode(_ writer: inout WireWriter) {
    writer.integers([input.rawValue, output.rawValue, channels, hidden])
    writer.frame(5, frame)
    writer.float(6, rmsEpsilon)
    writer.integer(7, stripRows)
    writer.integer(8, panelColumns)
    writer.message(9) { $0.integers(weights.inOrder.map(\.rawValue)) }
  }

  package init(_ step: Evssm__Plan__Step) throws {
    let message = try required(step.feed_forward_stage).pointee
    self.init(
      input: BufferID(message.input), output: BufferID(message.output), channels: Int(message.channels),
      hidden: Int(message.hidden), frame: Frame(try required(message.frame).pointee), rmsEpsilon: message.rms_epsilon,
      stripRows: Int(message.strip_rows), panelColumns: Int(message.panel_columns),
      weights: Weights(try required(message.weights).pointee))
  }
}

extension FeedForwardStage.Weights {
  /// By field number of `FeedForwardStageWeights`.
  fileprivate var inOrder: [ConstantID] { [projectIn, projectInBias, convolution, projectOut, filter] }

  fileprivate init(_ message: Evssm__Plan__FeedForwardStageWeights) {
    self.init(
      projectIn: ConstantID(message.project_in), projectInBias: ConstantID(message.project_in_bias),
      convolution: ConstantID(message.convolution), projectOut: ConstantID(message.project_out),
      filter: ConstantID(message.filter))
  }
}
