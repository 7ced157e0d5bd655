import Tensors

/// A dense row-major array of one precision: a value during evaluation.
public struct ReferenceArray<Scalar: ReferenceScalar>: Sendable {
  public let shape: [Int]
  public internal(set) var elements: [Scalar]

  /// Throws `tensor.count` when the number of elements is not the shape's.
  public init(shape: [Int], elements: [Scalar]) throws {
    guard shape.allSatisfy({ $0 >= 0 }), try Checked.product(shape) == elements.count else {
      throw EVSSMError(
        "tensor.count", "\(elements.count) values do not fill an array of shape \(shape).", category: .usage)
    }
    self.shape = shape
    self.elements = elements
  }

  public init(_ tensor: Tensor) {
    shape = tensor.shape
    elements = Scalar.elements(of: tensor)
  }

  /// A tensor with the same elements.
  public func tensor() throws -> Tensor {
    try Tensor(dtype: Scalar.dtype, shape: shape) { out in elements.withUnsafeBytes { out.copyMemory(from: $0) } }
  }
}

extension ReferenceArray {
  // For verified shapes: the evaluators' results.
  init(_ shape: [Int], repeating value: Scalar = 0) {
    self.shape = shape
    elements = [Scalar](repeating: value, count: shape.reduce(1, *))
  }

  init(_ shape: [Int], from elements: [Scalar]) {
    self.shape = shape
    self.elements = elements
  }

  /// Channels, height and width of a map (1, C, H, W).
  var channels: Int { shape[1] }
  var height: Int { shape[2] }
  var width: Int { shape[3] }
  var pixels: Int { shape[2] * shape[3] }
}
