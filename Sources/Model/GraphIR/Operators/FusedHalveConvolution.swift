import Tensors

/// The way down a level: a bilinear half, then a k×k convolution (k odd).
///
/// Inputs: map (1, I, H, W), weight (O, I, k, k). Result: map (1, O, H/2, W/2).
package struct FusedHalveConvolution: Decomposable {
  package static let name = "halve_convolution"

  package init() {}

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    _ = try TypeRule(self, inputs, count: 2)
    return try Convolution().inferTypes(BilinearResample(.half).inferTypes([inputs[0]]) + [inputs[1]])
  }

  package func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph {
    var parts = Decomposition(types: types, constants: constants)
    let half = try parts.add(BilinearResample(.half), [parts.operand(0)], "resample")
    return parts.finished(try parts.add(Convolution(), [half], [1], "convolution"))
  }
}
