import Tensors

/// The checks from which operators build `inferTypes`; every failure names the operator, the input and its facts.
package struct TypeRule {
  /// Sizes of a feature map.
  package struct Map: Sendable {
    package var dtype: DType
    package var channels, height, width: Dimension

    /// A map of the same size and element type with other channels.
    package func type(channels: Dimension) -> ValueType { .map(dtype, channels, height, width) }
    package var type: ValueType { type(channels: channels) }
  }

  package let name: String
  package let inputs: [ValueType]

  /// Throws when the number of inputs is not in `counts`.
  package init(_ op: any Operator, _ inputs: [ValueType], count counts: ClosedRange<Int>) throws {
    name = op.label
    self.inputs = inputs
    guard counts.contains(inputs.count) else {
      throw failure("takes \(counts.lowerBound) to \(counts.upperBound) inputs, not \(inputs.count)")
    }
  }

  package init(_ op: any Operator, _ inputs: [ValueType], count: Int) throws {
    try self.init(op, inputs, count: count...count)
  }

  /// The error for a broken rule.
  package func failure(_ what: String) -> EVSSMError {
    let types = inputs.map(\.description).joined(separator: ", ")
    return EVSSMError("graph.type", "Operator \(name) \(what). Its inputs are (\(types)).")
  }

  /// Input `index` as a floating-point feature map (1, channels, height, width).
  package func map(_ index: Int) throws -> Map {
    let type = inputs[index]
    guard type.shape.count == 4, type.shape[0].known == 1, type.dtype.isFloatingPoint else {
      throw failure("needs a floating-point map (1, C, H, W) as input \(index)")
    }
    return Map(dtype: type.dtype, channels: type.shape[1], height: type.shape[2], width: type.shape[3])
  }

  /// Throws unless input `index` is a floating-point tensor of this shape.
  package func tensor(_ index: Int, _ shape: [Dimension]) throws {
    let type = inputs[index]
    guard type.dtype.isFloatingPoint, type.shape == shape else {
      throw failure("needs a floating-point tensor of shape \(shape) as input \(index)")
    }
  }

  /// Like ``tensor(_:_:)``, where an input that was left out passes.
  package func optionalTensor(_ index: Int, _ shape: [Dimension]) throws {
    if index < inputs.count { try tensor(index, shape) }
  }

  /// Size of axis `axis` of input `index`, which must have `rank` axes.
  package func size(_ index: Int, axis: Int, rank: Int) throws -> Dimension {
    guard inputs[index].shape.count == rank else { throw failure("needs \(rank) axes on input \(index)") }
    return inputs[index].shape[axis]
  }

  /// Throws unless input `index` has this type.
  package func equal(_ index: Int, _ type: ValueType) throws {
    if inputs[index] != type { throw failure("needs \(type) as input \(index)") }
  }
}
