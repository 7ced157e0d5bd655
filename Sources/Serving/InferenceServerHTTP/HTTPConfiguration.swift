/// How the HTTP server listens, and what it bears.
package struct HTTPConfiguration: Sendable, Hashable {
  package var host = "127.0.0.1"
  package var port = 8080
  /// What requests must carry as `Authorization: Bearer …`, all but health checks and the page; nil for nothing.
  package var token: String?
  /// Whether clients may load and unload models.
  package var isRepositoryOpen = true
  /// Bytes of a body, after decompression.
  package var maxBodyBytes = 256 << 20
  /// Open connections; further ones wait to be accepted.
  package var maxConnections = 1024
  /// Seconds for the head of a connection's first request.
  package var headSeconds = 10
  /// Seconds for a connection without requests.
  package var idleSeconds = 60
  /// Bytes a second that a body must keep up, over periods of ``bodySeconds``.
  package var minBodyRate = 1024
  package var bodySeconds = 10

  static let maxURIBytes = 8192
  static let maxHeaderBytes = 32 << 10
  static let maxHeaders = 100
  /// Chunks of a chunked body that are smaller than ``smallChunkBytes`` on average.
  static let maxSmallChunks = 65_536
  static let smallChunkBytes = 64

  package init() {}
}
