import Tensors

/// Which operator of ONNX is applied, in which version, with which attributes: everything about a node but its operands.
package struct PrimitiveCall: Sendable, Hashable {
  /// Empty for the standard operators.
  package var domain: String
  /// ONNX's name, such as `Conv`.
  package var type: String
  /// The version of the domain's operator set that the model imports. The definition in force is the newest one that is
  /// not newer than this.
  package var opset: Int
  package var attributes: [String: AttributeValue]
  /// Which of the operator's inputs are given, in its order; inputs that are left out at the end are not listed.
  package var inputs: [Bool]
  /// Which of the operator's outputs are asked for, in its order.
  package var outputs: [Bool]

  package init(
    domain: String = "", _ type: String, opset: Int, attributes: [String: AttributeValue] = [:], inputs: [Bool],
    outputs: [Bool] = [true]
  ) {
    self.domain = domain
    self.type = type
    self.opset = opset
    self.attributes = attributes
    self.inputs = inputs
    self.outputs = outputs
  }
}
