import Tensors

/// What an operation needs of the plan around it: the one place that the validator, the planner and the emitter share.
package struct Requirements: Sendable {
  /// A map the operation reads, with the channels it must have and its size as a fraction of the padded picture's.
  package var reads: [MapRequirement] = []
  package var writes: [MapRequirement] = []
  package var constants: [ConstantRequirement] = []

  package struct MapRequirement: Sendable {
    package var buffer: BufferID
    package var channels: Int
    package var role: Role
  }

  /// A constant, and how many values it must have.
  package struct ConstantRequirement: Sendable {
    package var id: ConstantID
    /// In float32.
    package var count: Int
    /// In bfloat16, in pairs of rows; nil for a constant that must be float32.
    package var pairedCount: Int?
  }

  /// How the sizes of an operation's maps belong together.
  package enum Role: Sendable {
    /// The picture's size, rounded up to a multiple of 4.
    case padded
    /// All maps with this role have one size.
    case same
    /// Twice the size of `same` maps on each axis.
    case doubled
  }
}

extension Operation {
  /// Throws on overflow of the sizes that the operation's fields imply.
  package func requirements() throws -> Requirements {
    switch self {
    case .pictureConvolution(let operation): try operation.requirements()
    case .outputConvolution(let operation): try operation.requirements()
    case .halveConvolution(let operation): try operation.requirements()
    case .doubleConvolution(let operation): try operation.requirements()
    case .scanStage(let operation): try operation.requirements()
    case .feedForwardStage(let operation): try operation.requirements()
    }
  }
}

extension Requirements.ConstantRequirement {
  /// A constant of `factors`' product float32 values.
  fileprivate static func values(_ id: ConstantID, _ factors: Int...) throws -> Self {
    Self(id: id, count: try Checked.product(factors, "The size of a packed constant"))
  }

  /// A packed matrix of `inner` rows in either element type. An odd last row is paired with zeros.
  fileprivate static func matrix(_ id: ConstantID, inner: Int, _ width: Int...) throws -> Self {
    let width = try Checked.product(width, "The size of a packed constant")
    let even = try Checked.roundUp(inner, to: 2)
    return Self(
      id: id, count: try Checked.multiply(inner, width, "The size of a packed constant"),
      pairedCount: try Checked.multiply(even, width, "The size of a packed constant"))
  }
}

extension PictureConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      writes: [.init(buffer: output, channels: channels, role: .padded)],
      constants: [try .values(weight, 27, Layout.pitch(channels))])
  }
}

extension OutputConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      reads: [.init(buffer: input, channels: channels, role: .padded)],
      constants: [try .values(weight, 9, Layout.pitch(channels), Layout.lanes)])
  }
}

extension HalveConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      reads: [.init(buffer: input, channels: inputChannels, role: .doubled)],
      writes: [.init(buffer: output, channels: outputChannels, role: .same)],
      constants: [try convolutionMatrix(weight, kernelSide, inputChannels, outputChannels)])
  }
}

extension DoubleConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      reads: [
        .init(buffer: input, channels: inputChannels, role: .same),
        .init(buffer: skip, channels: outputChannels, role: .doubled),
      ],
      writes: [.init(buffer: output, channels: outputChannels, role: .doubled)],
      constants: [
        panelColumns == nil
          ? try convolutionMatrix(weight, kernelSide, inputChannels, outputChannels)
          : try .matrix(weight, inner: inputChannels, kernelSide, kernelSide, Layout.pitch(outputChannels))
      ])
  }
}

extension ScanStage {
  func requirements() throws -> Requirements {
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
}

extension FeedForwardStage {
  func requirements() throws -> Requirements {
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
}

private func convolutionMatrix(
  _ weight: ConstantID, _ kernelSide: Int, _ input: Int, _ output: Int
) throws -> Requirements.ConstantRequirement {
  let inner = try Checked.product([kernelSide, kernelSide, Layout.pitch(input)], "The size of a packed constant")
  return try .matrix(weight, inner: inner, Layout.pitch(output))
}
