import Tensors

/// The mean, sum or list of −weight · log-probability of the right class, from log-probabilities
/// (NegativeLogLikelihoodLoss) or from scores (SoftmaxCrossEntropyLoss).
struct LikelihoodLoss: TensorFunction {
  let reduction: String
  let ignored: Int64?
  let startsFromScores: Bool
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    reduction = try attributes.choice("reduction", "mean", of: ["none", "sum", "mean"])
    ignored = try attributes.integer("ignore_index").map { Int64($0) }
    startsFromScores = attributes.name == "SoftmaxCrossEntropyLoss"
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (scores, labels) = (try facts.type(0), try facts.shape(1))
    try facts.floating(0)
    guard scores.shape.count >= 2, labels.count == scores.shape.count - 1 else {
      throw facts.failure("needs a label a position")
    }
    try facts.vector(2, scores.shape[1])
    return Array([ValueType(scores.dtype, reduction == "none" ? labels : []), scores].prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (scores, labels) = (try inputs.required(0), try inputs.required(1))
    let lines = Lines(scores.shape, axis: 1)
    guard labels.elementCount == lines.outer * lines.inner else { throw valueError("Labels do not fit the scores.") }
    let weights = inputs.optional(2)?.doubles() ?? [Double](repeating: 1, count: lines.size)
    guard weights.count == lines.size else { throw valueError("Weights do not fit the classes.") }
    var logs = scores.doubles()
    if startsFromScores {
      lines.forEach { _, start in
        let places = (0..<lines.size).map { start + $0 * lines.inner }
        let peak = places.reduce(-Double.infinity) { max($0, logs[$1]) }
        let total = peak + Mathematics.log(places.reduce(0) { $0 + Mathematics.exp(logs[$1] - peak) })
        for place in places { logs[place] -= total }
      }
    }
    let classes = labels.integers()
    var losses = [Double](repeating: 0, count: classes.count)
    var weightSum = 0.0
    try lines.forEach { line, start in
      if classes[line] == ignored { return }
      let label = try checkedIndex(classes[line], lines.size)
      losses[line] = -weights[label] * logs[start + label * lines.inner]
      weightSum += weights[label]
    }
    let result: Tensor
    switch reduction {
    case "none": result = try Tensor(dtype: scores.dtype, shape: labels.shape, reals: losses)
    case "sum": result = try Tensor(dtype: scores.dtype, shape: [], reals: [losses.reduce(0, +)])
    default: result = try Tensor(dtype: scores.dtype, shape: [], reals: [losses.reduce(0, +) / weightSum])
    }
    return Array([result, try Tensor(dtype: scores.dtype, shape: scores.shape, reals: logs)].prefix(outputCount))
  }
}
