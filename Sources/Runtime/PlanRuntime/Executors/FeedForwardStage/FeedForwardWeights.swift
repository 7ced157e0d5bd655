import ExecutionPlan

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
