import PlanRuntime
import Tensors

/// An inference request of the Open Inference Protocol that was found well-formed: one picture.
package struct InferRequest: Sendable {
  /// What comes back with the answer.
  package var id: String?
  package var height: Int
  package var width: Int
  /// Planar float32 (3, height, width).
  package var planes: [Float]
  /// The shape as it was given, (1, 3, H, W) or (3, H, W): the output's as well.
  package var shape: [Int]
  /// Whether the output is wanted as bytes after the JSON.
  package var isOutputBinary: Bool
  package var parameters: Parameters

  /// A request that came by another way than REST. Throws `invalid`, `tooLarge`.
  package init(
    name: String, datatype: String, shape: [Int], planes: [Float], id: String?, parameters: Parameters
  ) throws {
    try TensorRules.check(name: name, datatype: datatype)
    (height, width) = try TensorRules.size(shape)
    try TensorRules.checkCount(planes.count, height: height, width: width)
    if let id { try TensorRules.checkID(id) }
    (self.shape, self.planes, self.id, self.parameters) = (shape, planes, id, parameters)
    isOutputBinary = true
  }

  /// Parameters of the schedule policy extension.
  package struct Parameters: Sendable, Hashable {
    /// 1 is the most urgent, 0 the default.
    package var priority: UInt64 = 0
    /// Microseconds until the answer is worth nothing; 0 for no limit.
    package var timeout: UInt64 = 0

    package init() {}

    /// - Parameter maximum: seconds, which a request may shorten but not lengthen; 0 for none.
    package func urgency(maximum: Double = 0) -> Urgency {
      let own = timeout == 0 ? .infinity : Double(timeout) * 1e-6
      let seconds = min(own, maximum > 0 ? maximum : .infinity)
      // A hundred years are no deadline.
      let deadline = seconds < 3e9 ? RunControl.now() + UInt64(seconds * 1e9) : nil
      return Urgency(priority: priority, deadline: deadline)
    }
  }

  static let maxIDBytes = 1024

  /// The rules that a picture's tensor is held to, whatever protocol it came by.
  package enum TensorRules {
    /// Height and width of a shape of (1, 3, H, W) or (3, H, W). Throws `invalid`.
    package static func size(_ shape: [Int]) throws -> (height: Int, width: Int) {
      let sides = shape.count == 4 && shape[0] == 1 ? Array(shape.dropFirst()) : shape
      guard sides.count == 3, sides[0] == 3, sides[1] > 0, sides[2] > 0 else {
        let text = shape.count > 8 ? "\(shape.count) sizes" : shape.map(String.init).joined(separator: ", ")
        throw ServingError(.invalid, "The input's shape is [\(text)]; a picture's is [1, 3, HEIGHT, WIDTH].")
      }
      for side in sides {
        guard side <= 1 << 20 else {
          throw ServingError(.tooLarge, "A side of \(side) is over the limit of \(1 << 20).")
        }
      }
      return (sides[1], sides[2])
    }

    /// Throws `invalid` unless the input is the model's.
    package static func check(name: String, datatype: String) throws {
      guard name == ServedModel.inputName else {
        let given = EVSSMError.escaped(name, limit: 64)
        throw ServingError(.invalid, "There is no input \(given); it is called \(ServedModel.inputName).")
      }
      guard datatype == ServedModel.datatype else {
        let given = EVSSMError.escaped(datatype, limit: 64)
        throw ServingError(.invalid, "The input's datatype is \(given); it must be \(ServedModel.datatype).")
      }
    }

    package static func checkOutput(_ name: String) throws {
      guard name == ServedModel.outputName else {
        let given = EVSSMError.escaped(name, limit: 64)
        throw ServingError(.invalid, "There is no output \(given); it is called \(ServedModel.outputName).")
      }
    }

    package static func checkCount(_ count: Int, height: Int, width: Int) throws {
      guard count == 3 * height * width else {
        throw ServingError(.invalid, "The input has \(count) values; its shape asks for \(3 * height * width).")
      }
    }

    package static func checkID(_ id: String) throws {
      guard id.utf8.count <= maxIDBytes, !id.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
        throw ServingError(.invalid, "The id must be printable and of at most \(maxIDBytes) bytes.")
      }
    }
  }
}

extension [Float] {
  /// Values from little-endian bytes; a rest of less than four bytes is left out.
  package init(littleEndian bytes: UnsafeRawBufferPointer) {
    let count = bytes.count / 4
    self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(4 * count)]))
      initialized = count
    }
  }
}
