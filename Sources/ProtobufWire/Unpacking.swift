import CProtobufC
import Tensors

/// Scans a message, unpacks it with protobuf-c, and calls `body` with it. The message lives until `body` returns.
///
/// - Parameters:
///   - type: the generated C struct that `descriptor` describes.
public func withUnpackedMessage<Message, Result>(
  _ bytes: UnsafeRawBufferPointer, as type: Message.Type, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
  limits: WireLimits, _ body: (UnsafePointer<Message>) throws -> Result
) throws -> Result {
  try WireScanner.scan(bytes, as: descriptor, limits: limits)
  var empty: UInt8 = 0
  let unpacked = withUnsafePointer(to: &empty) { nothing in
    protobuf_c_message_unpack(
      descriptor, nil, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nothing)
  }
  guard let unpacked else {
    throw EVSSMError("protobuf.malformed", "A message cannot be unpacked. The file is damaged.")
  }
  defer { protobuf_c_message_free_unpacked(unpacked, nil) }
  return try unpacked.withMemoryRebound(to: Message.self, capacity: 1) { try body(UnsafePointer($0)) }
}
