import ExecutionPlan

/// A plan's constants as pointers into the mapped weights.
struct ConstantResolver {
  let plan: LoadedPlan
  /// An address for the weights of a plan that has none; a validated plan's constants lie inside the weights.
  let fallback: UnsafeRawPointer

  func floats(_ id: ConstantID) -> ConstFloats { address(id).assumingMemoryBound(to: Float.self) }

  func matrix(_ id: ConstantID, bias: ConstantID? = nil, width: Int) -> PackedMatrix {
    PackedMatrix(
      values: address(id), element: plan.plan.constants[id.rawValue].element, bias: bias.map(floats), width: width)
  }

  private func address(_ id: ConstantID) -> UnsafeRawPointer {
    plan.weights.baseAddress.map { $0 + plan.plan.constants[id.rawValue].byteOffset } ?? fallback
  }
}

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

/// The constants of a feed-forward stage as pointers into the mapped weights; see ``FeedForwardStage/Weights``.
struct FeedForwardWeights {
  let projectIn: PackedMatrix
  let convolution: ConstFloats
  let projectOut: PackedMatrix
  let filter: ConstFloats

  init(_ stage: FeedForwardStage, _ constants: ConstantResolver) {
    let constant = constants.floats
    let weights = stage.weights
    projectIn = constants.matrix(weights.projectIn, bias: weights.projectInBias, width: 2 * Layout.pitch(stage.hidden))
    convolution = constant(weights.convolution)
    projectOut = constants.matrix(weights.projectOut, width: Layout.pitch(stage.channels))
    filter = constant(weights.filter)
  }
}
