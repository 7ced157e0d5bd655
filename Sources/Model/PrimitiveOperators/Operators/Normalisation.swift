import Tensors

/// (x − mean) / √(variance + ε) · scale + bias with statistics that are given.
struct BatchNormalization: TensorFunction {
  let epsilon: Double
  let momentum: Double
  let isTraining: Bool
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    epsilon = try attributes.real("epsilon", 1e-5)
    momentum = try attributes.real("momentum", 0.9)
    isTraining = try attributes.flag("training_mode")
    attributes.ignore("spatial")
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs maps") }
    for index in 0...4 { try facts.floating(index) }
    for index in 1...4 { try facts.vector(index, type.shape[1]) }
    let statistics = try (3...4).map { ValueType(try facts.type($0).dtype, try facts.shape($0)) }
    return Array(([type] + statistics).prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let values = input.doubles()
    let lines = Lines(input.shape, axis: 1)
    let vectors = try (1...4).map { try inputs.required($0).doubles() }
    guard vectors.allSatisfy({ $0.count == lines.size }) else {
      throw valueError("Statistics do not fit the channels.")
    }
    var (mean, variance) = (vectors[2], vectors[3])
    var results: [Tensor] = []
    if isTraining {
      (mean, variance) = Self.statistics(values, lines)
      for (old, new, index) in [(vectors[2], mean, 3), (vectors[3], variance, 4)] {
        let mixed = zip(old, new).map { $0 * momentum + $1 * (1 - momentum) }
        let like = try inputs.required(index)
        results.append(try Tensor(dtype: like.dtype, shape: like.shape, reals: mixed))
      }
    }
    let factors = lines.channels.map { vectors[0][$0] / (variance[$0] + epsilon).squareRoot() }
    let out = values.indices.map { i in
      let c = i / max(lines.inner, 1) % lines.size
      return (values[i] - mean[c]) * factors[c] + vectors[1][c]
    }
    return Array(([try Tensor(dtype: input.dtype, shape: input.shape, reals: out)] + results).prefix(outputCount))
  }

  private static func statistics(_ values: [Double], _ lines: Lines) -> (mean: [Double], variance: [Double]) {
    var mean = [Double](repeating: 0, count: lines.size)
    var variance = mean
    let count = Double(lines.outer * lines.inner)
    for (i, value) in values.enumerated() { mean[i / lines.inner % lines.size] += value / count }
    for (i, value) in values.enumerated() {
      let c = i / lines.inner % lines.size
      variance[c] += (value - mean[c]) * (value - mean[c]) / count
    }
    return (mean, variance)
  }
}

extension Lines {
  /// Positions along the axis.
  var channels: Swift.Range<Int> { 0..<size }
}

/// Mean and (biased) variance of a run of numbers.
private func moments(_ values: ArraySlice<Double>) -> (mean: Double, variance: Double) {
  let count = Double(values.count)
  let mean = values.reduce(0, +) / count
  return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count)
}

/// Normalisation over each map (InstanceNormalization) or group of maps (GroupNormalization) of a sample.
struct GroupNormalization: TensorFunction {
  let epsilon: Double
  /// nil: as many groups as channels.
  let groups: Int?
  /// Scale and bias a group, as opset 18 has them; else a channel.
  let scalesGroups: Bool

  init(_ attributes: AttributeReader) throws {
    epsilon = try attributes.real("epsilon", 1e-5)
    let isGroup = attributes.name == "GroupNormalization"
    groups = isGroup ? try attributes.integer("num_groups", 0, in: 1...Limits.maxWindow) : nil
    scalesGroups = isGroup && attributes.version < 21
    if isGroup { attributes.ignore("stash_type") }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs maps") }
    for index in 0...2 { try facts.floating(index) }
    if let channels = type.shape[1].known, channels % (groups ?? 1) != 0 {
      throw facts.failure("has \(groups ?? 1) groups, which do not divide \(channels) channels")
    }
    for index in 1...2 { try facts.vector(index, scalesGroups ? Dimension(groups ?? 1) : type.shape[1]) }
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let channels = input.shape[1]
    let groups = self.groups ?? channels
    guard groups > 0, channels % groups == 0 else {
      throw valueError("\(groups) groups do not divide \(channels) channels.")
    }
    let plane = input.shape[2...].reduce(1, *)
    let run = channels / groups * plane
    let (scale, bias) = (try inputs.required(1).doubles(), try inputs.required(2).doubles())
    var values = input.doubles()
    for group in 0..<input.shape[0] * groups where run > 0 {
      let range = group * run..<(group + 1) * run
      let (mean, variance) = moments(values[range])
      for i in range {
        let parameter = scalesGroups ? group % groups : i / plane % channels
        values[i] = (values[i] - mean) / (variance + epsilon).squareRoot() * scale[parameter] + bias[parameter]
      }
    }
    return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
  }
}

/// Normalisation over the axes from `axis` on: by mean and variance (LayerNormalization), or by the root of the mean
/// square (RMSNormalization).
struct LayerNormalization: TensorFunction {
  let axis: Int
  let epsilon: Double
  let subtractsMean: Bool
  let outputCount: Int
  let stash: DType

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", -1)
    epsilon = try attributes.real("epsilon", 1e-5)
    stash = try attributes.dtype("stash_type") ?? .float32
    subtractsMean = attributes.name == "LayerNormalization"
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let axis = try facts.axis(axis, rank: type.shape.count)
    for index in 0...2 { try facts.floating(index) }
    for index in 1...2 where facts.has(index) {
      guard try facts.shape(index).count <= type.shape.count else {
        throw facts.failure("needs a smaller scale and bias")
      }
      _ = try facts.broadcast([type.shape, facts.shape(index)])
    }
    let reduced = type.shape.indices.map { $0 < axis ? type.shape[$0] : 1 }
    return [type] + Array(repeating: ValueType(stash, reduced), count: outputCount - 1)
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axis = axis < 0 ? axis + input.shape.count : axis
    let rows = input.shape[..<axis].reduce(1, *)
    let run = input.shape[axis...].reduce(1, *)
    var values = input.doubles()
    var (means, inverses) = ([Double](repeating: 0, count: rows), [Double](repeating: 0, count: rows))
    for row in 0..<rows where run > 0 {
      let range = row * run..<(row + 1) * run
      let (mean, variance) = moments(values[range])
      let square = subtractsMean ? variance : variance + mean * mean
      means[row] = mean
      inverses[row] = 1 / (square + epsilon).squareRoot()
      for i in range { values[i] = (values[i] - (subtractsMean ? mean : 0)) * inverses[row] }
    }
    for (index, apply) in [(1, { $0 * $1 }), (2, { $0 + $1 })] as [(Int, (Double, Double) -> Double)] {
      guard let parameter = inputs.optional(index) else { continue }
      values = pairs(
        values, parameter.doubles(), [nil, try Shapes.map(parameter.shape, to: input.shape)], values.count, apply)
    }
    let reduced = input.shape.indices.map { $0 < axis ? input.shape[$0] : 1 }
    let statistics = try [means, inverses].map { try Tensor(dtype: stash, shape: reduced, reals: $0) }
    return Array(([try Tensor(dtype: input.dtype, shape: input.shape, reals: values)] + statistics).prefix(outputCount))
  }
}

/// Local response normalisation: division by a power of the sum of squares over neighbouring channels.
struct LocalResponseNormalization: TensorFunction {
  let size: Int
  let alpha, beta, bias: Double

  init(_ attributes: AttributeReader) throws {
    size = try attributes.integer("size", 0, in: 1...Limits.maxWindow)
    alpha = try attributes.real("alpha", 0.0001)
    beta = try attributes.real("beta", 0.75)
    bias = try attributes.real("bias", 1)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs maps") }
    try facts.floating(0)
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let lines = Lines(input.shape, axis: 1)
    let values = input.doubles()
    var out = values
    lines.forEach { _, start in
      for c in 0..<lines.size {
        let (first, last) = (max(0, c - (size - 1) / 2), min(lines.size - 1, c + size / 2))
        let sum = (first...last).reduce(0) { $0 + values[start + $1 * lines.inner] * values[start + $1 * lines.inner] }
        let at = start + c * lines.inner
        out[at] = values[at] / Mathematics.pow(bias + alpha / Double(size) * sum, beta)
      }
    }
    return [try Tensor(dtype: input.dtype, shape: input.shape, reals: out)]
  }
}

/// Division by the 1- or 2-norm along an axis; zeros stay zeros.
struct LpNormalization: TensorFunction {
  let axis: Int
  let norm: Int

  init(_ attributes: AttributeReader) throws {
    axis = try attributes.integer("axis", -1)
    norm = try attributes.integer("p", 2, in: 1...2)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    _ = try facts.axis(axis, rank: type.shape.count)
    try facts.floating(0)
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let lines = Lines(input.shape, axis: axis < 0 ? axis + input.shape.count : axis)
    var values = input.doubles()
    lines.forEach { _, start in
      let places = (0..<lines.size).map { start + $0 * lines.inner }
      let sum = places.reduce(0) { $0 + (norm == 1 ? values[$1].magnitude : values[$1] * values[$1]) }
      let length = norm == 1 ? sum : sum.squareRoot()
      for place in places { values[place] = length == 0 ? 0 : values[place] / length }
    }
    return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
  }
}

/// (x − mean) / √variance over some axes.
struct MeanVarianceNormalization: TensorFunction {
  let axes: [Int]

  init(_ attributes: AttributeReader) throws { axes = try attributes.integers("axes") ?? [0, 2, 3] }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    _ = try facts.axes(axes, rank: type.shape.count)
    try facts.floating(0)
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let axes = try Facts("MeanVarianceNormalization").axes(axes, rank: input.shape.count)
    let kept = input.shape.indices.map { axes.contains($0) ? 1 : input.shape[$0] }
    var strides = Shapes.strides(kept)
    for axis in axes { strides[axis] = 0 }
    var values = input.doubles()
    let count = Double(axes.reduce(1) { $0 * input.shape[$1] })
    var means = [Double](repeating: 0, count: kept.reduce(1, *))
    var squares = means
    Shapes.forEach(input.shape, [strides]) { i, at in means[at[0]] += values[i] / count }
    Shapes.forEach(input.shape, [strides]) { i, at in
      squares[at[0]] += (values[i] - means[at[0]]) * (values[i] - means[at[0]]) / count
    }
    Shapes.forEach(input.shape, [strides]) { i, at in
      values[i] = (values[i] - means[at[0]]) / (squares[at[0]].squareRoot() + 1e-9)
    }
    return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
  }
}
