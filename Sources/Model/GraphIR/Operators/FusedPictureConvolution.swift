import Tensors

/// The network's first convolution, on a picture of any size: reflect-pads right and bottom to multiples of 4, then
/// convolves.
///
/// Inputs: picture (1, 3, H, W), weight (C, 3, 3, 3). Result: map (1, C, 4⌈H/4⌉, 4⌈W/4⌉).
package struct FusedPictureConvolution: Decomposable {
  package static let name = "picture_convolution"

  package init() {}

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    _ = try TypeRule(self, inputs, count: 2).map(0)
    return try Convolution().inferTypes(ReflectPad(multiple: 4).inferTypes([inputs[0]]) + [inputs[1]])
  }

  package func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph {
    var parts = Decomposition(types: types, constants: constants)
    let padded = try parts.add(ReflectPad(multiple: 4), [parts.operand(0)], "pad")
    return parts.finished(try parts.add(Convolution(), [padded], [1], "convolution"))
  }
}
