import EVSSMModel
import Foundation
import Tensors

/// Checkpoints with seeded random weights of the magnitudes of a network at work: activations stay near 1, and every
/// filter, bias and decay is distinct, so that a transposed, mirrored or dropped weight shows.
public enum SeededWeights {
  public static func catalogue(_ architecture: EVSSMArchitecture, seed: UInt64) throws -> TensorCatalogue {
    var generator = SeededGenerator(seed: seed)
    var out = TensorCatalogue()
    for parameter in architecture.parameters {
      let count = parameter.shape.reduce(1, *)
      let values = (0..<count).map { Float(value(parameter, $0, &generator)) }
      try out.append(parameter.name, Tensor(shape: parameter.shape, floats: values))
    }
    return out
  }

  /// A small network: rank and hidden channels as the authors derive them.
  public static func architecture(
    dim: Int, blocks: [Int], expansion: Double = 3, downKernels: [Int] = [3, 3], upKernels: [Int] = [3, 3]
  ) -> EVSSMArchitecture {
    let channels = (0..<3).map { dim << $0 }
    return EVSSMArchitecture(
      dim: dim, blocks: blocks, hidden: channels.map { Int(Double($0) * expansion) },
      rank: channels.map { ($0 + 15) / 16 }, downKernels: downKernels, upKernels: upKernels)
  }

  /// A picture (3 · height · width values) in [0, 1).
  public static func picture(height: Int, width: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<3 * height * width).map { _ in Float(generator.uniform()) }
  }

  private static func value(_ parameter: ParameterShape, _ index: Int, _ generator: inout SeededGenerator) -> Double {
    let shape = parameter.shape
    let fanIn = Double(max(shape.dropFirst().reduce(1, *), 1))
    func normal(_ scale: Double, at mean: Double = 0) -> Double { mean + scale * generator.normal() }
    let name = parameter.name
    if name.hasSuffix("A_logs") { return normal(0.2, at: log(Double(index % 8 + 1))) }
    if name.hasSuffix("dt_projs_bias") {
      let step = exp(log(1e-3) + generator.uniform() * (log(0.3) - log(1e-3)))
      return step + log(-expm1(-step))
    }
    if name.hasSuffix("norm.weight") || name.hasSuffix("body.weight") || name.hasSuffix("Ds") { return normal(0.2, at: 1) }
    if name.hasSuffix("bias") { return normal(0.1) }
    if name.hasSuffix("fft") { return normal(0.3, at: 1) }
    if name.hasSuffix("x_proj_weight") { return normal(1 / Double(shape[2]).squareRoot()) }
    if name.hasSuffix("dt_projs_weight") { return normal(1 / Double(shape[2]).squareRoot()) }
    if name.hasSuffix("out_proj.weight") || name.hasSuffix("project_out.weight") { return normal(0.5 / fanIn.squareRoot()) }
    return normal(1 / fanIn.squareRoot())
  }
}
