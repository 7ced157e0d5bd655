import Tensors

/// The way up a level: a bilinear double, then a k×k convolution (k odd), plus the map skipped across.
///
/// Inputs: map (1, I, H, W), skip (1, O, 2H, 2W), weight (O, I, k, k). Result: map (1, O, 2H, 2W).
package struct FusedDoubleConvolution: Decomposable {
  package static let name = "double_convolution"

  package init() {}

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 3)
    let types = try Convolution().inferTypes(BilinearResample(.double).inferTypes([inputs[0]]) + [inputs[2]])
    try rule.equal(1, types[0])
    return types
  }

  package func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph {
    var parts = Decomposition(types: types, constants: constants)
    let double = try parts.add(BilinearResample(.double), [parts.operand(0)], "resample")
    let convolved = try parts.add(Convolution(), [double], [2], "convolution")
    return parts.finished(try parts.add(ElementwiseBinary(.add), [convolved, parts.operand(1)], "skip"))
  }
}
