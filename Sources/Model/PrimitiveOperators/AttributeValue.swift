import Tensors

/// The value of an attribute of a primitive. Graphs are not among them: they are regions of the node that calls the
/// primitive.
package enum AttributeValue: Sendable, Hashable {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensor(AttributeTensor)
}

/// A small tensor as an attribute, such as the value that ConstantOfShape repeats.
package struct AttributeTensor: Sendable, Hashable {
  package var dtype: DType
  package var shape: [Int]
  /// Row-major, little-endian.
  package var bytes: [UInt8]

  package init(_ tensor: Tensor) {
    dtype = tensor.dtype
    shape = tensor.shape
    bytes = tensor.withUnsafeBytes(Array.init)
  }

  /// Throws when the bytes do not fill the shape.
  package func tensor() throws -> Tensor {
    let out = try Tensor(dtype: dtype, shape: shape) { target in
      guard target.count == bytes.count else {
        throw EVSSMError("tensor.count", "\(bytes.count) bytes do not fill a tensor of shape \(shape).")
      }
      target.copyBytes(from: bytes)
    }
    return out
  }
}

extension AttributeValue: CustomStringConvertible {
  /// As dumps show it; long lists and tensors are cut short.
  package var description: String {
    switch self {
    case .int(let value): String(value)
    case .float(let value): String(value)
    case .string(let value): EVSSMError.escaped(value, limit: 80)
    case .ints(let values): Self.list(values.map(String.init))
    case .floats(let values): Self.list(values.map { String($0) })
    case .strings(let values): Self.list(values.map { EVSSMError.escaped($0, limit: 80) })
    case .tensor(let tensor): "\(tensor.dtype.rawValue)\(tensor.shape)"
    }
  }

  private static func list(_ texts: [String]) -> String {
    "[" + texts.prefix(16).joined(separator: ", ") + (texts.count > 16 ? ", …]" : "]")
  }
}
