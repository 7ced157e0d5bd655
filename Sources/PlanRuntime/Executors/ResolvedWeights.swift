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

  init(_ stage: ScanStage, _ constant: (ConstantID) -> ConstFloats) {
    let weights = stage.weights
    let inner = Layout.pitch(stage.inner)
    inProjectionX = PackedMatrix(
      values: constant(weights.inProjectionX), bias: constant(weights.inProjectionXBias), width: inner)
    convolution = constant(weights.convolution)
    convolutionBias = constant(weights.convolutionBias)
    xProjection = PackedMatrix(values: constant(weights.xProjection), bias: nil, width: stage.parameterPitch)
    taps = constant(weights.taps)
    tapsBias = constant(weights.tapsBias)
    dtProjection = constant(weights.dtProjection)
    dtBias = constant(weights.dtBias)
    decay = constant(weights.decay)
    skip = constant(weights.skip)
    normWeight = constant(weights.normWeight)
    normBias = constant(weights.normBias)
    inProjectionZ = PackedMatrix(
      values: constant(weights.inProjectionZ), bias: constant(weights.inProjectionZBias), width: inner)
    outProjection = PackedMatrix(
      values: constant(weights.outProjection), bias: nil, width: Layout.pitch(stage.channels))
  }
}

/// The constants of a feed-forward stage as pointers into the mapped weights; see ``FeedForwardStage/Weights``.
struct FeedForwardWeights {
  let projectIn: PackedMatrix
  let convolution: ConstFloats
  let projectOut: PackedMatrix
  let filter: ConstFloats

  init(_ stage: FeedForwardStage, _ constant: (ConstantID) -> ConstFloats) {
    let weights = stage.weights
    projectIn = PackedMatrix(
      values: constant(weights.projectIn), bias: constant(weights.projectInBias), width: 2 * Layout.pitch(stage.hidden))
    convolution = constant(weights.convolution)
    projectOut = PackedMatrix(values: constant(weights.projectOut), bias: nil, width: Layout.pitch(stage.channels))
    filter = constant(weights.filter)
  }
}
