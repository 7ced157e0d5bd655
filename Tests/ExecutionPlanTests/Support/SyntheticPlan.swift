import Tensors

@testable import ExecutionPlan

/// Plans with EVSSM's structure, made without a compiler: every block's stages write buffers of their own, or those that may
/// are in place, as what the decoder adds to skips always is.
struct SyntheticPlan {
  private(set) var buffers: [BufferDescription] = []
  private(set) var steps: [Step] = []
  private(set) var constants: [ConstantDescription] = []
  private(set) var weightsByteCount = 0

  /// - Parameters:
  ///   - dim: channels at level 1.
  ///   - blocks: blocks of the levels 1, 2 and 3.
  static func evssm(
    dim: Int = 16, blocks: [Int] = [1, 1, 1], windows: WindowMode = .whole, inPlace: Bool = false
  ) throws -> (plan: Plan, weightsByteCount: Int) {
    var builder = SyntheticPlan(dim: dim, blocks: blocks, windows: windows, inPlace: inPlace)
    try builder.build()
    let model = ModelDescription(
      architecture: "EVSSM", hyperparameters: [.init(name: "dim", value: "\(dim)")], parameterCount: 1,
      windows: windows, minimumSide: 20)
    let plan = Plan(model: model, buffers: builder.buffers, steps: builder.steps, constants: builder.constants)
    return (plan, builder.weightsByteCount)
  }

  /// Bytes of weights for a synthetic plan: small values with a pattern.
  static func weights(byteCount: Int) throws -> TensorStorage {
    try TensorStorage(byteCount: byteCount) { bytes in
      var state: UInt64 = 7
      for index in stride(from: 0, to: byteCount - byteCount % 4, by: 4) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.storeBytes(of: Float(state >> 40) * 0x1p-25, toByteOffset: index, as: Float.self)
      }
    }
  }

  private let dim: Int
  private let blocks: [Int]
  private let windows: WindowMode
  private let inPlace: Bool

  private init(dim: Int, blocks: [Int], windows: WindowMode, inPlace: Bool) {
    self.dim = dim
    self.blocks = blocks
    self.windows = windows
    self.inPlace = inPlace
  }

  private mutating func build() throws {
    let first = buffer(level: 0)
    try add("patch_embed", PictureConvolution(output: first, channels: dim, weight: constant(27 * pitch(0))))
    let skip1 = try level(0, "encoder_level1", first)
    let skip2 = try level(1, "encoder_level2", try halve(0, skip1))
    let bottom = try level(2, "encoder_level3", try halve(1, skip2))
    let up3 = try double(1, try level(2, "decoder_level3", bottom), skip2)
    let up2 = try double(0, try level(1, "decoder_level2", up3), skip1)
    let last = try level(0, "decoder_level1", up2)
    let weight = constant(9 * pitch(0) * Layout.lanes)
    try add("output", OutputConvolution(input: last, channels: dim, weight: weight))
  }

  private func channels(_ level: Int) -> Int { dim << level }
  private func pitch(_ level: Int) -> Int { Layout.pitch(channels(level)) }

  private mutating func buffer(level: Int) -> BufferID {
    let size = { SizeExpression.padded($0, toMultipleOf: 4, over: 1 << level) }
    buffers.append(BufferDescription(height: size(.height), width: size(.width), channels: channels(level)))
    return BufferID(rawValue: buffers.count - 1)
  }

  private mutating func constant(_ count: Int) -> ConstantID {
    constants.append(
      ConstantDescription(name: "constant\(constants.count)", byteOffset: weightsByteCount, count: count))
    weightsByteCount += (count * 4 + 63) / 64 * 64
    return ConstantID(rawValue: constants.count - 1)
  }

  private mutating func add(_ name: String, _ operation: any PlanOperation) throws {
    steps.append(Step(name: name, operation: operation))
  }

  private mutating func level(_ level: Int, _ name: String, _ input: BufferID) throws -> BufferID {
    var map = input
    var frame = Frame()
    for block in 0..<blocks[level] {
      frame = frame.composed(with: block % 2 == 0 ? Frame(transposed: true) : Frame(halfTurned: true))
      map = try scanStage(level, "\(name).block\(block).scan_stage", map, frame)
      map = try feedForwardStage(level, "\(name).block\(block).feed_forward_stage", map, frame)
    }
    return map
  }

  private mutating func scanStage(_ level: Int, _ name: String, _ input: BufferID, _ frame: Frame) throws -> BufferID {
    let (channels, output) = (channels(level), inPlace ? input : buffer(level: level))
    let (inner, rank) = (2 * channels, (channels + 15) / 16)
    let (c, d, q) = (Layout.pitch(channels), Layout.pitch(inner), Layout.pitch(rank + 16))
    let weights = ScanStage.Weights(
      inProjectionX: constant(channels * d), inProjectionXBias: constant(d), convolution: constant(9 * d),
      convolutionBias: constant(d), xProjection: constant(inner * q), taps: constant(7 * q), tapsBias: constant(q),
      dtProjection: constant(rank * d), dtBias: constant(d), decay: constant(8 * d), skip: constant(d),
      normWeight: constant(d), normBias: constant(d), inProjectionZ: constant(channels * d),
      inProjectionZBias: constant(d), outProjection: constant(inner * c))
    let stage = ScanStage(
      input: input, output: output, channels: channels, inner: inner, rank: rank, frame: frame,
      windowSide: windows == .released ? 384 >> level : nil, rmsEpsilon: 1e-6, layerNormEpsilon: 1e-5,
      stripPixels: 256, weights: weights)
    try add(name, stage)
    return output
  }

  private mutating func feedForwardStage(
    _ level: Int, _ name: String, _ input: BufferID, _ frame: Frame
  ) throws -> BufferID {
    let (channels, output) = (channels(level), inPlace ? input : buffer(level: level))
    let hidden = 3 * channels
    let (c, e) = (Layout.pitch(channels), Layout.pitch(hidden))
    let weights = FeedForwardStage.Weights(
      projectIn: constant(channels * 2 * e), projectInBias: constant(2 * e), convolution: constant(18 * e),
      projectOut: constant(hidden * c), filter: constant(40 * c))
    let stage = FeedForwardStage(
      input: input, output: output, channels: channels, hidden: hidden, frame: frame, rmsEpsilon: 1e-6, stripRows: 2,
      panelColumns: 128, weights: weights)
    try add(name, stage)
    return output
  }

  private mutating func halve(_ level: Int, _ input: BufferID) throws -> BufferID {
    let output = buffer(level: level + 1)
    let step = HalveConvolution(
      input: input, output: output, inputChannels: channels(level), outputChannels: channels(level + 1), kernelSide: 3,
      weight: constant(9 * pitch(level) * pitch(level + 1)))
    try add("down\(level + 1)_\(level + 2)", step)
    return output
  }

  /// Doubles a map of `level + 1` and adds the skip of `level` in place.
  private mutating func double(_ level: Int, _ input: BufferID, _ skip: BufferID) throws -> BufferID {
    let step = DoubleConvolution(
      input: input, skip: skip, output: skip, inputChannels: channels(level + 1), outputChannels: channels(level),
      kernelSide: 3, weight: constant(9 * pitch(level + 1) * pitch(level)))
    try add("up\(level + 2)_\(level + 1)", step)
    return skip
  }
}

/// Deterministic random numbers. Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators".
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
