import Tensors

/// The network's last convolution: convolves, crops to the picture's size and adds the picture.
///
/// Inputs: map (1, C, 4⌈H/4⌉, 4⌈W/4⌉), picture (1, 3, H, W), weight (3, C, 3, 3). Result: (1, 3, H, W), not clamped.
package struct FusedOutputConvolution: Decomposable {
  package static let name = "output_convolution"

  package init() {}

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 3)
    let picture = try rule.map(1)
    let padded = try ReflectPad(multiple: 4).inferTypes([inputs[1]])
    guard try Convolution().inferTypes([inputs[0], inputs[2]]) == padded else {
      throw rule.failure("needs a map of the picture's size, rounded up to multiples of 4")
    }
    return [picture.type]
  }

  package func decomposition(types: [ValueType], constants: [Tensor?]) throws -> Graph {
    let picture = try TypeRule(self, types, count: 3).map(1)
    var parts = Decomposition(types: types, constants: constants)
    let convolved = try parts.add(Convolution(), [parts.operand(0)], [2], "convolution")
    let cropped = try parts.add(Crop(height: picture.height, width: picture.width), [convolved], "crop")
    return parts.finished(try parts.add(ElementwiseBinary(.add), [cropped, parts.operand(1)], "add"))
  }
}
