import CPlanProto
import Tensors

extension Step {
  init(_ message: Evssm__Plan__Step) throws {
    self.init(name: text(message.name), operation: try Operation(message))
  }
}

extension Operation {
  fileprivate init(_ message: Evssm__Plan__Step) throws {
    switch message.operation_case.rawValue {
    case 2: self = .pictureConvolution(PictureConvolution(try required(message.picture_convolution).pointee))
    case 3: self = .scanStage(try ScanStage(required(message.scan_stage).pointee))
    case 4: self = .feedForwardStage(try FeedForwardStage(required(message.feed_forward_stage).pointee))
    case 5: self = .halveConvolution(HalveConvolution(try required(message.halve_convolution).pointee))
    case 6: self = .doubleConvolution(DoubleConvolution(try required(message.double_convolution).pointee))
    case 7: self = .outputConvolution(OutputConvolution(try required(message.output_convolution).pointee))
    default:
      throw EVSSMError(
        "plan.operation", "The step has no operation. Compile the plan again.", place: .init(node: text(message.name)))
    }
  }
}

extension PictureConvolution {
  fileprivate init(_ message: Evssm__Plan__PictureConvolution) {
    self.init(output: BufferID(message.output), channels: Int(message.channels), weight: ConstantID(message.weight))
  }
}

extension OutputConvolution {
  fileprivate init(_ message: Evssm__Plan__OutputConvolution) {
    self.init(input: BufferID(message.input), channels: Int(message.channels), weight: ConstantID(message.weight))
  }
}

extension HalveConvolution {
  fileprivate init(_ message: Evssm__Plan__HalveConvolution) {
    self.init(
      input: BufferID(message.input), output: BufferID(message.output), inputChannels: Int(message.input_channels),
      outputChannels: Int(message.output_channels), kernelSide: Int(message.kernel_side),
      weight: ConstantID(message.weight))
  }
}

extension DoubleConvolution {
  fileprivate init(_ message: Evssm__Plan__DoubleConvolution) {
    self.init(
      input: BufferID(message.input), skip: BufferID(message.skip), output: BufferID(message.output),
      inputChannels: Int(message.input_channels), outputChannels: Int(message.output_channels),
      kernelSide: Int(message.kernel_side),
      panelColumns: message.panel_columns == 0 ? nil : Int(message.panel_columns), weight: ConstantID(message.weight))
  }
}

extension Frame {
  fileprivate init(_ message: Evssm__Plan__Frame) {
    self.init(transposed: message.transposed != 0, halfTurned: message.half_turned != 0)
  }
}

extension ScanStage {
  fileprivate init(_ message: Evssm__Plan__ScanStage) throws {
    self.init(
      input: BufferID(message.input), output: BufferID(message.output), channels: Int(message.channels),
      inner: Int(message.inner), rank: Int(message.rank), frame: Frame(try required(message.frame).pointee),
      windowSide: message.window_side == 0 ? nil : Int(message.window_side), rmsEpsilon: message.rms_epsilon,
      layerNormEpsilon: message.layer_norm_epsilon, stripPixels: Int(message.strip_pixels),
      weights: Weights(try required(message.weights).pointee))
  }
}

extension ScanStage.Weights {
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

extension FeedForwardStage {
  fileprivate init(_ message: Evssm__Plan__FeedForwardStage) throws {
    self.init(
      input: BufferID(message.input), output: BufferID(message.output), channels: Int(message.channels),
      hidden: Int(message.hidden), frame: Frame(try required(message.frame).pointee), rmsEpsilon: message.rms_epsilon,
      stripRows: Int(message.strip_rows), panelColumns: Int(message.panel_columns),
      weights: Weights(try required(message.weights).pointee))
  }
}

extension FeedForwardStage.Weights {
  fileprivate init(_ message: Evssm__Plan__FeedForwardStageWeights) {
    self.init(
      projectIn: ConstantID(message.project_in), projectInBias: ConstantID(message.project_in_bias),
      convolution: ConstantID(message.convolution), projectOut: ConstantID(message.project_out),
      filter: ConstantID(message.filter))
  }
}
