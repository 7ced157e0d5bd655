import COnnxProto
import ProtobufWire
import Tensors

/// An ONNX file, unpacked: messages in memory, nothing interpreted yet.
///
/// Tensors that lie in the file are views of this object's memory and keep it alive.
package final class OnnxModel: @unchecked Sendable {
  // Unchecked: the message is never written after init.
  typealias Message = Evssm__Onnx__Model

  /// The path as the caller named it; nil for bytes in memory.
  package let path: String?
  package let byteCount: Int
  let message: UnsafePointer<Message>

  /// Reads a file. Throws `onnx.not-onnx` and `protobuf.…` for bytes that are no ONNX model, `limit.exceeded`, and what ``InputFile`` throws.
  ///
  /// - Complexity: O(bytes). Memory: the file, and what it unpacks to, which is at most twice the file plus 64 MiB.
  package convenience init(path: String) throws {
    do {
      let file = try InputFile(path)
      try self.init(file.bytes(at: 0, count: file.byteCount), path: path)
    } catch let error as EVSSMError {
      throw error.at(.init(file: path))
    }
  }

  /// Reads the bytes of a file.
  /// - Parameter path: where external data are looked for; nil: there may be none.
  package init(_ bytes: [UInt8], path: String? = nil) throws {
    try Self.checkKind(Array(bytes.prefix(Self.sniffedByteCount)))
    self.path = path
    byteCount = bytes.count
    message = try bytes.withUnsafeBytes {
      try unpackedMessage(
        $0, as: Message.self, evssm_onnx_model_descriptor(), limits: Limits.onnxWire(fileBytes: bytes.count))
    }
  }

  deinit { freeUnpackedMessage(message) }
}
