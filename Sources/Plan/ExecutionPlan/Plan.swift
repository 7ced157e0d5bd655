import Tensors

/// A compiled network as pure data: steps over buffers, with weights packed once and sizes left open.
///
/// A plan holds no pointers and no bytes of weights; ``ConstantDescription`` says where in the weights section they
/// lie.
public struct Plan: Sendable, Hashable {
  public var model: ModelDescription
  /// The arena's maps, by ``BufferID``.
  public var buffers: [BufferDescription]
  /// In order of execution.
  public var steps: [Step]
  /// The packed weights, by ``ConstantID``.
  public var constants: [ConstantDescription]
  /// A graph of primitives that takes the place of stages: then there are no buffers and no steps.
  public var graph: TensorGraph?

  public init(
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

/// How the scan stage cuts a map. The same weights compute two different functions.
public enum WindowMode: String, Sendable, Hashable, CaseIterable {
  /// Overlapping windows of 384, 192 and 96 pixels at levels 1, 2 and 3, averaged: the authors' released test network.
  case released
  /// One window as large as the map: the network that was trained.
  case whole
}

/// What the plan was compiled from; for people and for `inspect`, never used to run it.
public struct ModelDescription: Sendable, Hashable {
  /// `EVSSM`.
  public var architecture: String
  /// Hyper-parameters by name, in order, such as `dim` = `48`.
  public var hyperparameters: [Attribute]
  public var parameterCount: Int
  public var windows: WindowMode
  /// The smallest height and width that the plan runs.
  public var minimumSide: Int

  public struct Attribute: Sendable, Hashable {
    public var name: String
    public var value: String
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public init(
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
public struct BufferID: RawRepresentable, Sendable, Hashable {
  public var rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }
}

/// Index into ``Plan/constants``.
public struct ConstantID: RawRepresentable, Sendable, Hashable {
  public var rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }
}

/// A float32 feature map in the arena, NHWC: `height` × `width` pixels of `channels` channels in `pitch` floats.
public struct BufferDescription: Sendable, Hashable {
  public var height: SizeExpression
  public var width: SizeExpression
  public var channels: Int

  public init(height: SizeExpression, width: SizeExpression, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Floats a pixel: `channels` rounded up to ``Layout/lanes``; the lanes beyond are zero.
  public var pitch: Int { Layout.pitch(channels) }
}

/// A packed constant: where it lies in the weights section.
public struct ConstantDescription: Sendable, Hashable {
  /// Name of the checkpoint's tensor (or tensors) it was made from.
  public var name: String
  /// Offset in the weights section, in bytes; a multiple of 64.
  public var byteOffset: Int
  /// Count of values.
  public var count: Int
  public var element: Precision

  public init(name: String, byteOffset: Int, count: Int, element: Precision = .float32) {
    self.name = name
    self.byteOffset = byteOffset
    self.count = count
    self.element = element
  }

  /// Throws on overflow.
  public func byteCount() throws -> Int {
    try Checked.multiply(count, element.byteCount, "The size of a constant")
  }
}

/// The memory layout that kernels share with the compiler.
public enum Layout {
  /// Channel pitches and matrix widths are multiples of this many floats.
  public static let lanes = 16
  /// Columns of a full panel of a packed matrix.
  public static let panel = 48
  /// States of each channel of the selective scan.
  public static let states = 8
  /// Taps of the convolution along the scan order.
  public static let taps = 7
  /// Side of a patch of the spectral filter.
  public static let patch = 8

  /// `channels` rounded up to a multiple of ``lanes``. `channels` is at most 2^40.
  public static func pitch(_ channels: Int) -> Int { (channels + lanes - 1) / lanes * lanes }
}
