import ExecutionPlan

/// The constants of a scan stage as pointers into the mapped weights; see ``ScanStage/Weights`` for their layouts.
struct ScanStageWeights {
  let inProjectionX: PackedMatrix
  let convolution: ConstFloats
  let convolutionBias: ConstFloats
  let xProjection: PackedMatrix
  let taps: ConstFloats
  let tapsBias: ConstFloats
  let dtProjection: ConstFloats
  let dtBias: ConstFloats
  let decay: ConstFloats
  let skip: ConstFloats
  let normWeight: ConstFloats
  let normBias: ConstFloats
  let inProjectionZ: PackedMatrix
  let outProjection: PackedMatrix

  init(_ stage: ScanStage, _ constants: ConstantResolver) {
    let constant = constants.floats
    let weights = stage.weights
    let inner = Layout.pitch(stage.inner)
    inProjectionX = constants.matrix(weights.inProjectionX, bias: weights.inProjectionXBias, width: inner)
    convolution = constant(weights.convolution)
    convolutionBias = constant(weights.convolutionBias)
    xProjection = constants.matrix(weights.xProjection, width: stage.parameterPitch)
    taps = constant(weights.taps)
    tapsBias = constant(weights.tapsBias)
    dtProjection = constant(weights.dtProjection)
    dtBias = constant(weights.dtBias)
    decay = constant(weights.decay)
    skip = constant(weights.skip)
    normWeight = constant(weights.normWeight)
    normBias = constant(weights.normBias)
    inProjectionZ = constants.matrix(weights.inProjectionZ, bias: weights.inProjectionZBias, width: inner)
    outProjection = constants.matrix(weights.outProjection, width: Layout.pitch(stage.channels))
  }
}
