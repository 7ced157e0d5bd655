import Tensors

/// A compiled network as pure data: steps over buffers, with weights packed once and sizes left open.
///
/// A plan holds no pointers and no bytes of weights; ``ConstantDescription`` says where in the weights section they
/// lie.
package struct Plan: Sendable, Hashable {
  package var model: ModelDescription
  /// The arena's maps, by ``BufferID``.
  package var buffers: [BufferDescription]
  /// In order of execution.
  package var steps: [Step]
  /// The packed weights, by ``ConstantID``.
  package var constants: [ConstantDescription]
  /// A graph of primitives that takes the place of stages: then there are no buffers and no steps.
  package var graph: TensorGraph?

  package init(
    model: ModelDescription, buffers: [BufferDescription], steps: [Step], constants: [ConstantDescription],
    graph: TensorGraph? = nil
  ) {
    self.graph = graph
    self.model = model
    self.buffers = buffers
    self.steps = steps
    self.constants = constants
  }
}

/// What the plan was compiled from; for people and for `inspect`, never used to run it.
package struct ModelDescription: Sendable, Hashable {
  /// `EVSSM`.
  package var architecture: String
  /// Hyper-parameters by name, in order, such as `dim` = `48`.
  package var hyperparameters: [Attribute]
  package var parameterCount: Int
  package var windows: WindowMode
  /// The smallest height and width that the plan runs.
  package var minimumSide: Int

  package struct Attribute: Sendable, Hashable {
    package var name: String
    package var value: String
    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package init(
    architecture: String, hyperparameters: [Attribute], parameterCount: Int, windows: WindowMode, minimumSide: Int
  ) {
    self.architecture = architecture
    self.hyperparameters = hyperparameters
    self.parameterCount = parameterCount
    self.windows = windows
    self.minimumSide = minimumSide
  }
}

/// Index into ``Plan/buffers``.
package struct BufferID: RawRepresentable, Sendable, Hashable {
  package var rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }
}

/// Index into ``Plan/constants``.
package struct ConstantID: RawRepresentable, Sendable, Hashable {
  package var rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }
}

/// A float32 feature map in the arena, NHWC: `height` × `width` pixels of `channels` channels in `pitch` floats.
package struct BufferDescription: Sendable, Hashable {
  package var height: SizeExpression
  package var width: SizeExpression
  package var channels: Int

  package init(height: SizeExpression, width: SizeExpression, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Floats a pixel: `channels` rounded up to ``Layout/lanes``; the lanes beyond are zero.
  package var pitch: Int { Layout.pitch(channels) }
}

/// A packed constant: where it lies in the weights section.
package struct ConstantDescription: Sendable, Hashable {
  /// Name of the checkpoint's tensor (or tensors) it was made from.
  package var name: String
  /// Offset in the weights section, in bytes; a multiple of 64.
  package var byteOffset: Int
  /// Count of values.
  package var count: Int
  package var element: Precision

  package init(name: String, byteOffset: Int, count: Int, element: Precision = .float32) {
    self.name = name
    self.byteOffset = byteOffset
    self.count = count
    self.element = element
  }

  /// Throws on overflow.
  package func byteCount() throws -> Int {
    try Checked.multiply(count, element.byteCount, "The size of a constant")
  }
}

/// The memory layout that kernels share with the compiler.
package enum Layout {
  /// Channel pitches and matrix widths are multiples of this many floats.
  package static let lanes = 16
  /// Columns of a full panel of a packed matrix.
  package static let panel = 48
  /// States of each channel of the selective scan.
  package static let states = NetworkSizes.states
  /// Taps of the convolution along the scan order.
  package static let taps = NetworkSizes.taps
  /// Side of a patch of the spectral filter.
  package static let patch = 8

  /// `channels` rounded up to a multiple of ``lanes``. `channels` is at most 2^40.
  package static func pitch(_ channels: Int) -> Int { (channels + lanes - 1) / lanes * lanes }
}
