/// Bounds on a protobuf message from outside, checked before anything is allocated for it.
package struct WireLimits: Sendable, Hashable {
  /// Messages inside messages (`max_protobuf_depth`).
  package var depth: Int
  /// Sub-messages in all (`max_protobuf_messages`).
  package var messages: Int
  /// Estimate of the bytes that protobuf-c allocates to unpack the message (`max_protobuf_bytes`).
  package var unpackedBytes: Int
  /// Whether a field that the schema does not name is an error (`protobuf.unknown-field`); it is skipped otherwise.
  package var refusesUnknownFields: Bool

  package init(
    depth: Int = 64, messages: Int = 2_000_000, unpackedBytes: Int, refusesUnknownFields: Bool = false
  ) {
    self.depth = depth
    self.messages = messages
    self.unpackedBytes = unpackedBytes
    self.refusesUnknownFields = refusesUnknownFields
  }
}
