import CPlanProto
import ProtobufWire
import Tensors

/// The residual scan stage (spec: SS2D in windows) from `input` to `output`, which may be the same buffer.
///
/// x + outProjection · (average over windows of LayerNorm(scan(…)) ⊙ GELU(z)), streamed over strips of rows of the
/// frame. With C channels, d inner channels and r rank; ĉ is pitch(c), q is pitch(r + 16).
package struct ScanStage: PlanOperation {
  package var input: BufferID
  package var output: BufferID
  package var channels: Int
  package var inner: Int
  package var rank: Int
  package var frame: Frame
  /// Side of the windows, laid in the frame; nil: one window as large as the map.
  package var windowSide: Int?
  /// Added to the mean square of the block's RMS norm.
  package var rmsEpsilon: Float
  /// Added to the variance of the layer norm behind the scan.
  package var layerNormEpsilon: Float
  /// About this many pixels are processed between barriers; whole rows of the frame, at least one.
  package var stripPixels: Int
  package var weights: Weights

  /// Kernels are in the frame's coordinates, as the strips are.
  package struct Weights: Sendable, Hashable {
    /// Packed, C × d̂; the norm's weight folded in.
    package var inProjectionX: ConstantID
    /// d̂; the norm's bias folded in.
    package var inProjectionXBias: ConstantID
    /// [9][d̂].
    package var convolution: ConstantID
    /// d̂.
    package var convolutionBias: ConstantID
    /// Packed, d × q.
    package var xProjection: ConstantID
    /// [7][q].
    package var taps: ConstantID
    /// q.
    package var tapsBias: ConstantID
    /// [r][d̂].
    package var dtProjection: ConstantID
    /// d̂.
    package var dtBias: ConstantID
    /// [8][d̂]: A · log₂e.
    package var decay: ConstantID
    /// d̂.
    package var skip: ConstantID
    /// d̂.
    package var normWeight: ConstantID
    /// d̂.
    package var normBias: ConstantID
    /// Packed, C × d̂.
    package var inProjectionZ: ConstantID
    /// d̂.
    package var inProjectionZBias: ConstantID
    /// Packed, d × Ĉ.
    package var outProjection: ConstantID

    package init(
      inProjectionX: ConstantID, inProjectionXBias: ConstantID, convolution: ConstantID, convolutionBias: ConstantID,
      xProjection: ConstantID, taps: ConstantID, tapsBias: ConstantID, dtProjection: ConstantID, dtBias: ConstantID,
      decay: ConstantID, skip: ConstantID, normWeight: ConstantID, normBias: ConstantID, inProjectionZ: ConstantID,
      inProjectionZBias: ConstantID, outProjection: ConstantID
    ) {
      self.inProjectionX = inProjectionX
      self.inProjectionXBias = inProjectionXBias
      self.convolution = convolution
      self.convolutionBias = convolutionBias
      self.xProjection = xProjection
      self.taps = taps
      self.tapsBias = tapsBias
      self.dtProjection = dtProjection
      self.dtBias = dtBias
      self.decay = decay
      self.skip = skip
      self.normWeight = normWeight
      self.normBias = normBias
      self.inProjectionZ = inProjectionZ
      self.inProjectionZBias = inProjectionZBias
      self.outProjection = outProjection
    }
  }

  package init(
    input: BufferID, output: BufferID, channels: Int, inner: Int, rank: Int, frame: Frame, windowSide: Int?,
    rmsEpsilon: Float, layerNormEpsilon: Float, stripPixels: Int, weights: Weights
  ) {
    self.input = input
    self.output = output
    self.channels = channels
    self.inner = inner
    self.rank = rank
    self.frame = frame
    self.windowSide = windowSide
    self.rmsEpsilon = rmsEpsilon
    self.layerNormEpsilon = layerNormEpsilon
    self.stripPixels = stripPixels
    self.weights = weights
  }

  /// Floats a position of the scan's parameters (δ, B, C): pitch(rank + 16).
  package var parameterPitch: Int { Layout.pitch(rank + 2 * Layout.states) }
}

extension ScanStage {
  package var label: String { "scan stage, \(channels) channels, frame \(frame)" + inPlaceLabel }

  /// A pixel is written once all windows that cover it have read it.
  package var inPlaceBuffer: BufferID? { input }

  package func requirements() throws -> Requirements {
    let c = Layout.pitch(channels)
    let d = Layout.pitch(inner)
    let q = parameterPitch
    return Requirements(
      reads: [.init(buffer: input, channels: channels, role: .same)],
      writes: [.init(buffer: output, channels: channels, role: .same)],
      constants: [
        try .matrix(weights.inProjectionX, inner: channels, d), try .values(weights.inProjectionXBias, d),
        try .values(weights.convolution, 9, d), try .values(weights.convolutionBias, d),
        try .values(weights.xProjection, inner, q), try .values(weights.taps, Layout.taps, q),
        try .values(weights.tapsBias, q), try .values(weights.dtProjection, rank, d), try .values(weights.dtBias, d),
        try .values(weights.decay, Layout.states, d), try .values(weights.skip, d), try .values(weights.normWeight, d),
        try .values(weights.normBias, d), try .matrix(weights.inProjectionZ, inner: channels, d),
        try .values(weights.inProjectionZBias, d), try .matrix(weights.outProjection, inner: inner, c),
      ])
  }

  package func checkNumbers() throws {
    try OperationChecks.channels(channels)
    try OperationChecks.number(inner, in: 1...OperationBounds.maxInner, "inner")
    try OperationChecks.number(rank, in: 1...min(OperationBounds.maxRank, inner), "rank")
    try OperationChecks.number(stripPixels, in: 1...OperationBounds.maxStripPixels, "strip_pixels")
    if let windowSide {
      try OperationChecks.number(windowSide, in: PlanValidator.minMapSide...Limits.maxPictureSide, "window_side")
    }
    try OperationChecks.epsilon(rmsEpsilon, "rms_epsilon")
    try OperationChecks.epsilon(layerNormEpsilon, "layer_norm_epsilon")
  }

  package func tileLayout() throws -> TileLayout {
    let pixels = [TileLayout.pixels, Layout.pitch(channels)]
    return try TileLayout(operand: pixels, result: pixels, rounded: [TileLayout.pixels, Layout.pitch(inner)])
  }

  package func scratchFloats(height: Int, width: Int) throws -> Int {
    try ScanStageLayout(self, height: height, width: width).total
  }

  package func multiplyAdds(in bound: BoundPlan) throws -> Int {
    let map = bound.buffers[input.rawValue]
    let size = frame.size(map.height, map.width)
    let scanned = try [size.height, size.width].map { size in
      let axis = WindowAxis(size: size, side: windowSide)
      return try Checked.multiply(axis.starts.count, axis.length)
    }
    let parameters = rank + 2 * Layout.states
    let perPosition = inner * (9 + parameters + rank) + Layout.taps * parameters
    return try Checked.add(
      Checked.product([bound.pixels(input), 3, inner, channels]), Checked.product(scanned + [perPosition]))
  }
}

// MARK: - Coding

extension ScanStage {
  package static let field: UInt32 = 3

  package func encode(_ writer: inout WireWriter) {
    writer.integers([input.rawValue, output.rawValue, channels, inner, rank])
    writer.frame(6, frame)
    writer.integer(7, windowSide ?? 0)
    writer.float(8, rmsEpsilon)
    writer.float(9, layerNormEpsilon)
    writer.integer(10, stripPixels)
    writer.message(11) { $0.integers(weights.inOrder.map(\.rawValue)) }
  }

  package init(_ step: Evssm__Plan__Step) throws {
    let message = try required(step.scan_stage).pointee
    self.init(
      input: BufferID(message.input), output: BufferID(message.output), channels: Int(message.channels),
      inner: Int(message.inner), rank: Int(message.rank), frame: Frame(try required(message.frame).pointee),
      windowSide: message.window_side == 0 ? nil : Int(message.window_side), rmsEpsilon: message.rms_epsilon,
      layerNormEpsilon: message.layer_norm_epsilon, stripPixels: Int(message.strip_pixels),
      weights: Weights(try required(message.weights).pointee))
  }
}

extension ScanStage.Weights {
  /// By field number of `ScanStageWeights`.
  fileprivate var inOrder: [ConstantID] {
    [
      inProjectionX, inProjectionXBias, convolution, convolutionBias, xProjection, taps, tapsBias, dtProjection, dtBias,
      decay, skip, normWeight, normBias, inProjectionZ, inProjectionZBias, outProjection,
    ]
  }

  fileprivate init(_ message: Evssm__Plan__ScanStageWeights) {
    self.init(
      inProjectionX: ConstantID(message.in_projection_x), inProjectionXBias: ConstantID(message.in_projection_x_bias),
      convolution: ConstantID(message.convolution), convolutionBias: ConstantID(message.convolution_bias),
      xProjection: ConstantID(message.x_projection), taps: ConstantID(message.taps),
      tapsBias: ConstantID(message.taps_bias), dtProjection: ConstantID(message.dt_projection),
      dtBias: ConstantID(message.dt_bias), decay: ConstantID(message.decay), skip: ConstantID(message.skip),
      normWeight: ConstantID(message.norm_weight), normBias: ConstantID(message.norm_bias),
      inProjectionZ: ConstantID(message.in_projection_z), inProjectionZBias: ConstantID(message.in_projection_z_bias),
      outProjection: ConstantID(message.out_projection))
  }
}
