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

extension Requirements.ConstantRequirement {
  /// A constant of `factors`' product float32 values.
  static func values(_ id: ConstantID, _ factors: Int...) throws -> Self {
    Self(id: id, count: try Checked.product(factors, "The size of a packed constant"))
  }

  /// A packed matrix of `inner` rows in either element type. An odd last row is paired with zeros.
  static func matrix(_ id: ConstantID, inner: Int, _ width: Int...) throws -> Self {
    let width = try Checked.product(width, "The size of a packed constant")
    let even = try Checked.roundUp(inner, to: 2)
    return Self(
      id: id, count: try Checked.multiply(inner, width, "The size of a packed constant"),
      pairedCount: try Checked.multiply(even, width, "The size of a packed constant"))
  }

  /// The matrix of a dense convolution: row (side·dy + dx)·pitch(inputChannels) + channel.
  static func convolution(
    _ id: ConstantID, kernelSide: Int, inputChannels: Int, outputChannels: Int
  ) throws -> Self {
    let inner = try Checked.product(
      [kernelSide, kernelSide, Layout.pitch(inputChannels)], "The size of a packed constant")
    return try .matrix(id, inner: inner, Layout.pitch(outputChannels))
  }
}
