import Tensors

/// What an operation needs of the plan around it: the one place that the validator, the planner and the emitter share.
public struct Requirements: Sendable {
  /// A map the operation reads, with the channels it must have and its size as a fraction of the padded picture's.
  public var reads: [MapRequirement] = []
  public var writes: [MapRequirement] = []
  /// Constants, with the count of floats each must have.
  public var constants: [(ConstantID, count: Int)] = []

  public struct MapRequirement: Sendable {
    public var buffer: BufferID
    public var channels: Int
    public var role: Role
  }

  /// How the sizes of an operation's maps belong together.
  public enum Role: Sendable {
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
  public func requirements() throws -> Requirements {
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

private func product(_ factors: Int...) throws -> Int { try Checked.product(factors, "The size of a packed constant") }

extension PictureConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      writes: [.init(buffer: output, channels: channels, role: .padded)],
      constants: [(weight, try product(27, Layout.pitch(channels)))])
  }
}

extension OutputConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      reads: [.init(buffer: input, channels: channels, role: .padded)],
      constants: [(weight, try product(9, Layout.pitch(channels), Layout.lanes))])
  }
}

extension HalveConvolution {
  func requirements() throws -> Requirements {
    Requirements(
      reads: [.init(buffer: input, channels: inputChannels, role: .doubled)],
      writes: [.init(buffer: output, channels: outputChannels, role: .same)],
      constants: [
        (weight, try product(kernelSide, kernelSide, Layout.pitch(inputChannels), Layout.pitch(outputChannels)))
      ])
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
        (
          weight,
          try product(
            kernelSide, kernelSide, panelColumns == nil ? Layout.pitch(inputChannels) : inputChannels,
            Layout.pitch(outputChannels))
        )
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
        (weights.inProjectionX, try product(channels, d)), (weights.inProjectionXBias, d),
        (weights.convolution, try product(9, d)), (weights.convolutionBias, d),
        (weights.xProjection, try product(inner, q)), (weights.taps, try product(Layout.taps, q)), (weights.tapsBias, q),
        (weights.dtProjection, try product(rank, d)), (weights.dtBias, d), (weights.decay, try product(Layout.states, d)),
        (weights.skip, d), (weights.normWeight, d), (weights.normBias, d),
        (weights.inProjectionZ, try product(channels, d)), (weights.inProjectionZBias, d),
        (weights.outProjection, try product(inner, c)),
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
        (weights.projectIn, try product(channels, 2, e)), (weights.projectInBias, try product(2, e)),
        (weights.convolution, try product(9, 2, e)), (weights.projectOut, try product(hidden, c)),
        (weights.filter, try product(Layout.patch, Layout.patch / 2 + 1, c)),
      ])
  }
}
