import GraphIR
import Tensors

/// Epsilons of the network's norms.
private enum Epsilon {
  static let rms = 1e-6
  static let layerNorm = 1e-5
}

extension Graph {
  /// x + SS2D(norm1(x)) on a map that is in the block's frame already.
  mutating func addScanStage(_ x: ValueID, _ weights: BlockWeights, name: String) throws -> ValueID {
    let path = weights.prefix + "attn."
    let norm = try addOne(
      RMSNorm(epsilon: Epsilon.rms),
      [x, weights.add("norm1.body.weight", to: &self), weights.add("norm1.body.bias", to: &self)],
      name: weights.prefix + "norm1")
    let inProjection = try weights.add("attn.in_proj.weight", to: &self)
    let xz = try addOne(PointwiseLinear(), [norm, inProjection], name: path + "in_proj")
    let inner = try weights.tensor("attn.Ds").shape[0]
    let halves = try add(Split([inner, inner]), [xz], name: path + "halves")
    let y = try addScan(halves[0], weights)
    let gate = try addOne(ElementwiseUnary(.gelu), [halves[1]], name: path + "gelu_z")
    let gated = try addOne(ElementwiseBinary(.multiply), [y, gate], name: path + "gate")
    let outProjection = try weights.add("attn.out_proj.weight", to: &self)
    let out = try addOne(PointwiseLinear(), [gated, outProjection], name: path + "out_proj")
    return try addOne(ElementwiseBinary(.add), [x, out], name: name)
  }

  /// The selective scan of a window and the norm after it.
  private mutating func addScan(_ x: ValueID, _ weights: BlockWeights) throws -> ValueID {
    let path = weights.prefix + "attn."
    let kernel = try weights.add("attn.conv2d.weight", to: &self, dropping: [1])
    let convolved = try addOne(
      DepthwiseConvolution(), [x, kernel, weights.add("attn.conv2d.bias", to: &self)], name: path + "conv2d")
    let u = try addOne(ElementwiseUnary(.gelu), [convolved], name: path + "gelu_x")
    let (delta, b, c) = try addScanParameters(u, weights)
    let logarithms = try weights.add("attn.A_logs", to: &self)
    let magnitudes = try addOne(ElementwiseUnary(.exp), [logarithms], name: path + "A_exp")
    let decay = try addOne(ElementwiseUnary(.negate), [magnitudes], name: path + "A")
    let y = try addOne(
      SelectiveScan(), [u, delta, decay, b, c, weights.add("attn.Ds", to: &self)], name: path + "scan")
    let weight = try weights.add("attn.out_norm.weight", to: &self)
    let bias = try weights.add("attn.out_norm.bias", to: &self)
    return try addOne(LayerNorm(epsilon: Epsilon.layerNorm), [y, weight, bias], name: path + "out_norm")
  }

  /// Δ, B and C of the scan.
  private mutating func addScanParameters(
    _ u: ValueID, _ weights: BlockWeights
  ) throws -> (delta: ValueID, b: ValueID, c: ValueID) {
    let path = weights.prefix + "attn."
    let states = EVSSMArchitecture.states
    let projection = try weights.add("attn.x_proj_weight", to: &self, dropping: [0])
    let projected = try addOne(PointwiseLinear(), [u, projection], name: path + "x_proj")
    let taps = try weights.add("attn.x_conv.weight", to: &self, dropping: [1])
    let mixed = try addOne(
      ScanConvolution(), [projected, taps, weights.add("attn.x_conv.bias", to: &self)], name: path + "x_conv")
    let rank = try weights.tensor("attn.x_conv.bias").shape[0] - 2 * states
    let parts = try add(Split([rank, states, states]), [mixed], name: path + "parameters")
    let dtProjection = try weights.add("attn.dt_projs_weight", to: &self, dropping: [0])
    let dtBias = try weights.add("attn.dt_projs_bias", to: &self, dropping: [0])
    let step = try addOne(PointwiseLinear(), [parts[0], dtProjection, dtBias], name: path + "dt_projs")
    return (try addOne(ElementwiseUnary(.softplus), [step], name: path + "softplus"), parts[1], parts[2])
  }

  /// x + EDFFN(norm2(x)) on a map in the block's frame.
  mutating func addFeedForwardStage(_ x: ValueID, _ weights: BlockWeights) throws -> ValueID {
    let path = weights.prefix + "ffn."
    let norm = try addOne(
      RMSNorm(epsilon: Epsilon.rms),
      [x, weights.add("norm2.body.weight", to: &self), weights.add("norm2.body.bias", to: &self)],
      name: weights.prefix + "norm2")
    let projectIn = try weights.add("ffn.project_in.weight", to: &self, dropping: [2, 3])
    let projected = try addOne(PointwiseLinear(), [norm, projectIn], name: path + "project_in")
    let kernel = try weights.add("ffn.dwconv.weight", to: &self, dropping: [1])
    let convolved = try addOne(DepthwiseConvolution(), [projected, kernel], name: path + "dwconv")
    let hidden = try weights.tensor("ffn.project_out.weight").shape[1]
    let halves = try add(Split([hidden, hidden]), [convolved], name: path + "halves")
    let gelu = try addOne(ElementwiseUnary(.gelu), [halves[0]], name: path + "gelu")
    let gated = try addOne(ElementwiseBinary(.multiply), [gelu, halves[1]], name: path + "gate")
    let projectOut = try weights.add("ffn.project_out.weight", to: &self, dropping: [2, 3])
    let out = try addOne(PointwiseLinear(), [gated, projectOut], name: path + "project_out")
    let filtered = try addSpectralFilter(out, weights)
    return try addOne(ElementwiseBinary(.add), [x, filtered], name: weights.prefix + "feed_forward_stage")
  }

  private mutating func addSpectralFilter(_ x: ValueID, _ weights: BlockWeights) throws -> ValueID {
    let path = weights.prefix + "ffn."
    let size = self[x].type.shape
    let padded = try addOne(ReflectPad(multiple: 8), [x], name: path + "pad")
    let filter = try weights.add("ffn.fft", to: &self, dropping: [1, 2])
    let filtered = try addOne(SpectralFilter(), [padded, filter], name: path + "fft")
    return try addOne(Crop(height: size[2], width: size[3]), [filtered], name: path + "crop")
  }
}
