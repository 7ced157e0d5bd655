import Tensors

/// One step of a plan: an operation on whole maps.
package struct Step: Sendable, Hashable {
  /// Path in the model, such as `encoder_level1.block0.scan_stage`; unique in the plan.
  package var name: String
  package var operation: Operation

  package init(name: String, operation: Operation) {
    self.name = name
    self.operation = operation
  }
}

/// What a step does. Maps are upright; a frame says in which order and where the operation walks over them.
package enum Operation: Sendable, Hashable {
  case pictureConvolution(PictureConvolution)
  case scanStage(ScanStage)
  case feedForwardStage(FeedForwardStage)
  case halveConvolution(HalveConvolution)
  case doubleConvolution(DoubleConvolution)
  case outputConvolution(OutputConvolution)
}

/// The picture, reflect-padded right and bottom to `output`'s size, through a 3×3 convolution without bias.
package struct PictureConvolution: Sendable, Hashable {
  package var output: BufferID
  package var channels: Int
  /// Packed matrix, 27 × pitch(channels); row 9·dy + 3·dx + colour.
  package var weight: ConstantID

  package init(output: BufferID, channels: Int, weight: ConstantID) {
    self.output = output
    self.channels = channels
    self.weight = weight
  }
}

/// A 3×3 convolution to three colours, plus the padded picture, cropped to the picture's size.
package struct OutputConvolution: Sendable, Hashable {
  package var input: BufferID
  package var channels: Int
  /// Packed matrix, 9·pitch(channels) × 16; row (3·dy + dx)·pitch + channel, columns 3 and up zero.
  package var weight: ConstantID

  package init(input: BufferID, channels: Int, weight: ConstantID) {
    self.input = input
    self.channels = channels
    self.weight = weight
  }
}

/// Bilinear ×0.5 (the mean of each 2×2), then a convolution without bias.
package struct HalveConvolution: Sendable, Hashable {
  package var input: BufferID
  package var output: BufferID
  package var inputChannels: Int
  package var outputChannels: Int
  /// 1 or 3.
  package var kernelSide: Int
  /// Packed matrix, side²·pitch(inputChannels) × pitch(outputChannels); row (side·dy + dx)·pitch + channel.
  package var weight: ConstantID

  package init(
    input: BufferID, output: BufferID, inputChannels: Int, outputChannels: Int, kernelSide: Int, weight: ConstantID
  ) {
    self.input = input
    self.output = output
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelSide = kernelSide
    self.weight = weight
  }
}

/// Bilinear ×2 (align_corners false, edges clamped), then a convolution without bias, plus the skip map.
///
/// Both are linear, so their order is the compiler's choice: interpolation first, or the matrices of a 3×3 kernel's nine
/// taps first, on a quarter of the pixels, and the interpolation of their products behind them.
package struct DoubleConvolution: Sendable, Hashable {
  package var input: BufferID
  /// Added to the result; has the output's size. May be the same buffer as `output`.
  package var skip: BufferID
  package var output: BufferID
  package var inputChannels: Int
  package var outputChannels: Int
  /// 1 or 3.
  package var kernelSide: Int
  /// How many pixels of a row of the input a thread keeps the products of; nil: interpolation goes first.
  package var panelColumns: Int?
  /// Interpolation first: packed matrix, side²·pitch(inputChannels) × pitch(outputChannels); row (side·dy + dx)·pitch +
  /// channel. Matrices first: packed matrix, inputChannels × 9·pitch(outputChannels); column (3·dy + dx)·pitch + channel.
  package var weight: ConstantID

  package init(
    input: BufferID, skip: BufferID, output: BufferID, inputChannels: Int, outputChannels: Int, kernelSide: Int,
    panelColumns: Int? = nil, weight: ConstantID
  ) {
    self.input = input
    self.skip = skip
    self.output = output
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelSide = kernelSide
    self.panelColumns = panelColumns
    self.weight = weight
  }
}

/// The residual scan stage (spec: SS2D in windows) from `input` to `output`, which may be the same buffer.
///
/// x + outProjection · (average over windows of LayerNorm(scan(…)) ⊙ GELU(z)), streamed over strips of rows of the
/// frame. With C channels, d inner channels and r rank; ĉ is pitch(c), q is pitch(r + 16).
package struct ScanStage: Sendable, Hashable {
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

/// The residual feed-forward stage (spec: EDFFN) from `input` to `output`, which may be the same buffer.
///
/// x + spectral(projectOut · (GELU(a) ⊙ b)), [a, b] = depthwise(projectIn · norm(x)), streamed over bands of the frame.
/// With C channels and e hidden channels; ĉ is pitch(c). In the packed 2e-wide matrix and kernels each half has its own
/// pitch.
package struct FeedForwardStage: Sendable, Hashable {
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
