import EVSSMModel
import Foundation
import Tensors

/// Checkpoints with seeded random weights of the magnitudes of a network at work: activations stay near 1, and every
/// filter, bias and decay is distinct, so that a transposed, mirrored or dropped weight shows. They are those for which
/// the goldens in Tests/Fixtures were made.
package enum SeededWeights {
  package static func catalogue(_ architecture: EVSSMArchitecture, seed: UInt32) throws -> TensorCatalogue {
    var generator = NumPyGenerator(seed: seed)
    var out = TensorCatalogue()
    for parameter in architecture.parameters {
      let count = parameter.shape.reduce(1, *)
      let distribution = distribution(parameter)
      let values = (0..<count).map { Float(value(distribution, $0, &generator)) }
      try out.append(parameter.name, Tensor(shape: parameter.shape, floats: values))
    }
    return out
  }

  /// A small network: rank and hidden channels as the authors derive them.
  package static func architecture(
    dim: Int, blocks: [Int], expansion: Double = 3, downKernels: [Int] = [3, 3], upKernels: [Int] = [3, 3]
  ) -> EVSSMArchitecture {
    let channels = (0..<3).map { dim << $0 }
    return EVSSMArchitecture(
      dim: dim, blocks: blocks, hidden: channels.map { Int(Double($0) * expansion) },
      rank: channels.map { ($0 + 15) / 16 }, downKernels: downKernels, upKernels: upKernels)
  }

  /// A picture (3 · height · width values) in [0, 1).
  package static func picture(height: Int, width: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<3 * height * width).map { _ in Float(generator.uniform()) }
  }

  /// How the values of a tensor are distributed.
  private enum Distribution {
    case normal(scale: Double, mean: Double)
    /// Logarithms of 1, 2, …, 8 along the last axis, with noise.
    case decay
    /// What softplus maps to steps between 0.001 and 0.3.
    case step
  }

  private static func distribution(_ parameter: ParameterShape) -> Distribution {
    let shape = parameter.shape
    let fanIn = Double(max(shape.dropFirst().reduce(1, *), 1)).squareRoot()
    let name = parameter.name
    func ends(_ suffixes: String...) -> Bool { suffixes.contains(where: name.hasSuffix) }
    if ends("A_logs") { return .decay }
    if ends("dt_projs_bias") { return .step }
    if ends("norm1.body.weight", "norm2.body.weight", "out_norm.weight", "Ds") { return .normal(scale: 0.2, mean: 1) }
    if ends("bias") { return .normal(scale: 0.1, mean: 0) }
    if ends("fft") { return .normal(scale: 0.3, mean: 1) }
    if ends("x_proj_weight", "dt_projs_weight") { return .normal(scale: 1 / Double(shape[2]).squareRoot(), mean: 0) }
    if ends("out_proj.weight", "project_out.weight") { return .normal(scale: 0.5 / fanIn, mean: 0) }
    if name == "output.weight" { return .normal(scale: 0.05 / fanIn, mean: 0) }
    return .normal(scale: 1 / fanIn, mean: 0)
  }

  private static func value(_ distribution: Distribution, _ index: Int, _ generator: inout NumPyGenerator) -> Double {
    switch distribution {
    case .normal(let scale, let mean): return mean + scale * generator.normal()
    case .decay: return log(Double(index % 8 + 1)) + 0.2 * generator.normal()
    case .step:
      let step = exp(log(1e-3) + (log(0.3) - log(1e-3)) * generator.uniform())
      return step + log(-expm1(-step))
    }
  }
}
