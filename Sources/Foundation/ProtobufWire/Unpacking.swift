import CProtobufC
import Tensors

/// Scans a message, unpacks it with protobuf-c, and calls `body` with it. The message lives until `body` returns.
///
/// - Parameters:
///   - type: the generated C struct that `descriptor` describes.
package func withUnpackedMessage<Message, Result>(
  _ bytes: UnsafeRawBufferPointer, as type: Message.Type, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
  limits: WireLimits, _ body: (UnsafePointer<Message>) throws -> Result
) throws -> Result {
  let message = try unpackedMessage(bytes, as: type, descriptor, limits: limits)
  defer { freeUnpackedMessage(message) }
  return try body(message)
}

/// Scans a message and unpacks it with protobuf-c. The caller gives it back with ``freeUnpackedMessage(_:)``.
package func unpackedMessage<Message>(
  _ bytes: UnsafeRawBufferPointer, as type: Message.Type, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
  limits: WireLimits
) throws -> UnsafePointer<Message> {
  try WireScanner.scan(bytes, as: descriptor, limits: limits)
  var empty: UInt8 = 0
  let unpacked = withUnsafePointer(to: &empty) { nothing in
    protobuf_c_message_unpack(
      descriptor, nil, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nothing)
  }
  guard let unpacked else {
    throw EVSSMError("protobuf.malformed", "A message cannot be unpacked. The file is damaged.")
  }
  return UnsafePointer(UnsafeRawPointer(unpacked).assumingMemoryBound(to: Message.self))
}

/// Gives back the memory of a message that ``unpackedMessage(_:as:_:limits:)`` made.
package func freeUnpackedMessage<Message>(_ message: UnsafePointer<Message>) {
  let raw = UnsafeMutableRawPointer(mutating: message)
  protobuf_c_message_free_unpacked(raw.assumingMemoryBound(to: ProtobufCMessage.self), nil)
}
