import Tensors

/// The scan half of a block, on an upright map x:
///
///     r = rms(x)
///     u = inProjectionX · r + inProjectionXBias,   z = inProjectionZ · r + inProjectionZBias
///     y = average over the windows of LayerNorm(scan(u))
///     x + outProjection · (y ⊙ GELU(z))
///
/// rms is ``RMSNorm`` without weight and bias. `scan`, on one window:
///
///     v = GELU(depthwise3x3(u) + convolutionBias)                      zeros around the window
///     [δ, B, C] = taps ∗ (xProjection · v) + tapsBias                  along the scan order; sizes rank, 8, 8
///     Δ = softplus(dtProjection · δ + dtBias)
///     h(l) = 2^(Δ·decay) ⊙ h(l−1) + Δ·v·B,   y(l) = ⟨h, C⟩ + skip·v
///
/// Pixels are visited, and windows laid, row by row in `frame`. The depthwise kernel is the one for upright maps.
/// Without a window side the whole map is one window.
package struct FusedScanStage: Decomposable {
  /// The inputs, in order; all but the map are constants. C channels, d inner ones, r the rank, 8 states.
  package enum Operand: Int, Sendable, CaseIterable {
    /// (1, C, H, W)
    case map
    /// (d, C)
    case inProjectionX
    /// (d)
    case inProjectionXBias
    /// (d, 3, 3)
    case convolution
    /// (d)
    case convolutionBias
    /// (r + 16, d)
    case xProjection
    /// (r + 16, 7)
    case taps
    /// (r + 16)
    case tapsBias
    /// (d, r)
    case dtProjection
    /// (d)
    case dtBias
    /// (d, 8): A·log₂e, negative
    case decay
    /// (d)
    case skip
    /// (d)
    case normWeight
    /// (d)
    case normBias
    /// (d, C)
    case inProjectionZ
    /// (d)
    case inProjectionZBias
    /// (C, d)
    case outProjection
  }

  package static let name = "scan_stage"
  /// States of the scan.
  package static let states = NetworkSizes.states

  package var frame: Frame
  /// Side of the windows; nil for one window as large as the map.
  package var windowSide: Int?
  /// r
  package var rank: Int
  package var rmsEpsilon: Double
  package var layerNormEpsilon: Double

  package init(frame: Frame, windowSide: Int?, rank: Int, rmsEpsilon: Double, layerNormEpsilon: Double) {
    self.frame = frame
    self.windowSide = windowSide
    self.rank = rank
    self.rmsEpsilon = rmsEpsilon
    self.layerNormEpsilon = layerNormEpsilon
  }

  package var attributes: [Attribute] {
    [
      Attribute("frame", frame), Attribute("window_side", windowSide.map(String.init) ?? "whole"),
      Attribute("rank", rank), Attribute("rms_epsilon", rmsEpsilon), Attribute("layer_norm_epsilon", layerNormEpsilon),
    ]
  }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: Operand.allCases.count)
    let map = try rule.map(0)
    let inner = try rule.size(Operand.inProjectionX.rawValue, axis: 0, rank: 2)
    let parameters = Dimension(try Checked.add(rank, 2 * Self.states))
    let shapes: [Operand: [Dimension]] = [
      .inProjectionX: [inner, map.channels], .inProjectionXBias: [inner], .convolution: [inner, 3, 3],
      .convolutionBias: [inner], .xProjection: [parameters, inner], .taps: [parameters, Dimension(NetworkSizes.taps)],
      .tapsBias: [parameters],
      .dtProjection: [inner, Dimension(rank)], .dtBias: [inner], .decay: [inner, Dimension(Self.states)],
      .skip: [inner], .normWeight: [inner], .normBias: [inner], .inProjectionZ: [inner, map.channels],
      .inProjectionZBias: [inner], .outProjection: [map.channels, inner],
    ]
    for operand in Operand.allCases { if let shape = shapes[operand] { try rule.tensor(operand.rawValue, shape) } }
    guard rank > 0, windowSide ?? 1 > 0 else { throw rule.failure("needs a positive rank and window side") }
    return [map.type]
  }

  package func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph {
    var parts = Decomposition(types: types, constants: constants)
    func at(_ operands: Operand...) -> [Int] { operands.map(\.rawValue) }
    let x = try parts.operand(0)
    let norm = try parts.add(RMSNorm(epsilon: rmsEpsilon), [x], "norm")
    let u = try parts.add(PointwiseLinear(), [norm], at(.inProjectionX, .inProjectionXBias), "in_projection_x")
    let z = try parts.add(PointwiseLinear(), [norm], at(.inProjectionZ, .inProjectionZBias), "in_projection_z")
    let gate = try parts.add(ElementwiseUnary(.gelu), [z], "gelu_z")
    let y = try scan(u, &parts, constants)
    let gated = try parts.add(ElementwiseBinary(.multiply), [y, gate], "gate")
    let out = try parts.add(PointwiseLinear(), [gated], at(.outProjection), "out_projection")
    return parts.finished(try parts.add(ElementwiseBinary(.add), [x, out], "residual"))
  }

  private func scan(_ u: ValueID, _ parts: inout Decomposition, _ constants: [Tensor?]) throws -> ValueID {
    guard let windowSide else { return try scanWindow(u, &parts) }
    let outer = try TypeRule(self, [parts.graph[u].type], count: 1).map(0)
    let type = ValueType.map(outer.dtype, outer.channels, Windows.windowHeight, Windows.windowWidth)
    var window = Decomposition(types: [type], constants: [nil] + constants.dropFirst())
    let result = try scanWindow(window.operand(0), &window)
    return try parts.add(Windows(side: windowSide, frame: frame, body: window.finished(result)), [u], "windows")
  }

  private func scanWindow(_ u: ValueID, _ parts: inout Decomposition) throws -> ValueID {
    func at(_ operands: Operand...) -> [Int] { operands.map(\.rawValue) }
    let convolved = try parts.add(DepthwiseConvolution(), [u], at(.convolution, .convolutionBias), "convolution")
    let v = try parts.add(ElementwiseUnary(.gelu), [convolved], "gelu")
    let projected = try parts.add(PointwiseLinear(), [v], at(.xProjection), "x_projection")
    let mixed = try parts.add(ScanConvolution(frame: frame), [projected], at(.taps, .tapsBias), "taps")
    let split = try parts.graph.add(Split([rank, Self.states, Self.states]), [mixed], name: "parameters")
    let step = try parts.add(PointwiseLinear(), [split[0]], at(.dtProjection, .dtBias), "dt_projection")
    let delta = try parts.add(ElementwiseUnary(.softplus), [step], "softplus")
    let decay = try parts.operand(Operand.decay.rawValue)
    let skip = try parts.operand(Operand.skip.rawValue)
    let y = try parts.add(
      SelectiveScan(frame: frame, base: .two), [v, delta, decay, split[1], split[2], skip], "scan")
    return try parts.add(LayerNorm(epsilon: layerNormEpsilon), [y], at(.normWeight, .normBias), "out_norm")
  }
}
