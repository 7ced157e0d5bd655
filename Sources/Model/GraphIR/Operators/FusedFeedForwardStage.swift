import Tensors

/// The frequency-domain feed-forward half of a block, on an upright map x:
///
///     [a, b] = depthwise3x3(projectIn · rms(x) + projectInBias)        b from channel e on
///     x + filter(projectOut · (GELU(a) ⊙ b))
///
/// rms is ``RMSNorm`` without weight and bias. The depthwise convolution pads with zeros. `filter` is a
/// ``SpectralFilter`` on 8×8 patches whose grid is anchored where `frame` starts; what is missing at the opposite
/// edge to multiples of 8 is reflected and cropped again. Kernel and filter are those for upright maps.
package struct FusedFeedForwardStage: Decomposable {
  /// The inputs, in order; all but the map are constants. C channels, e hidden ones.
  package enum Operand: Int, Sendable, CaseIterable {
    /// (1, C, H, W)
    case map
    /// (2e, C)
    case projectIn
    /// (2e)
    case projectInBias
    /// (2e, 3, 3)
    case convolution
    /// (C, e)
    case projectOut
    /// (C, 8, 8), even: filter[u, v] = filter[−u, −v]
    case filter
  }

  package static let name = "feed_forward_stage"
  package var frame: Frame
  /// e
  package var hidden: Int
  package var epsilon: Double

  package init(frame: Frame, hidden: Int, epsilon: Double) {
    self.frame = frame
    self.hidden = hidden
    self.epsilon = epsilon
  }

  package var attributes: [Attribute] {
    [Attribute("frame", frame), Attribute("hidden", hidden), Attribute("epsilon", epsilon)]
  }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: Operand.allCases.count)
    let map = try rule.map(0)
    let doubled = Dimension(try Checked.multiply(hidden, 2))
    try rule.tensor(Operand.projectIn.rawValue, [doubled, map.channels])
    try rule.tensor(Operand.projectInBias.rawValue, [doubled])
    try rule.tensor(Operand.convolution.rawValue, [doubled, 3, 3])
    try rule.tensor(Operand.projectOut.rawValue, [map.channels, Dimension(hidden)])
    try rule.tensor(Operand.filter.rawValue, [map.channels, 8, 8])
    return [map.type]
  }

  package func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph {
    let map = try TypeRule(self, types, count: Operand.allCases.count).map(0)
    var parts = Decomposition(types: types, constants: constants)
    func at(_ operands: Operand...) -> [Int] { operands.map(\.rawValue) }
    let x = try parts.operand(0)
    let norm = try parts.add(RMSNorm(epsilon: epsilon), [x], "norm")
    let projected = try parts.add(PointwiseLinear(), [norm], at(.projectIn, .projectInBias), "project_in")
    let convolved = try parts.add(DepthwiseConvolution(), [projected], at(.convolution), "convolution")
    let halves = try parts.graph.add(Split([hidden, hidden]), [convolved], name: "halves")
    let gelu = try parts.add(ElementwiseUnary(.gelu), [halves[0]], "gelu")
    let gated = try parts.add(ElementwiseBinary(.multiply), [gelu, halves[1]], "gate")
    let out = try parts.add(PointwiseLinear(), [gated], at(.projectOut), "project_out")
    let growing = Edge.end.reframed(by: frame)
    let padded = try parts.add(ReflectPad(multiple: 8, growing: growing), [out], "pad")
    let filtered = try parts.add(SpectralFilter(), [padded], at(.filter), "filter")
    let crop = Crop(height: map.height, width: map.width, keeping: growing.opposite)
    let cropped = try parts.add(crop, [filtered], "crop")
    return parts.finished(try parts.add(ElementwiseBinary(.add), [x, cropped], "residual"))
  }
}
