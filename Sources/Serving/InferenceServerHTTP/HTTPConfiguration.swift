/// How the HTTP server listens, and what it bears.
public struct HTTPConfiguration: Sendable, Hashable {
  public var host = "127.0.0.1"
  public var port = 8080
  /// What requests must carry as `Authorization: Bearer …`, all but health checks and the page; nil for nothing.
  public var token: String?
  /// Whether clients may load and unload models.
  public var isRepositoryOpen = true
  /// Bytes of a body, after decompression.
  public var maxBodyBytes = 256 << 20
  /// Open connections; further ones wait to be accepted.
  public var maxConnections = 1024
  /// Seconds for the head of a connection's first request.
  public var headSeconds = 10
  /// Seconds for a connection without requests.
  public var idleSeconds = 60
  /// Bytes a second that a body must keep up, over periods of ``bodySeconds``.
  public var minBodyRate = 1024
  public var bodySeconds = 10

  static let maxURIBytes = 8192
  static let maxHeaderBytes = 32 << 10
  static let maxHeaders = 100
  /// Chunks of a chunked body that are smaller than ``smallChunkBytes`` on average.
  static let maxSmallChunks = 65_536
  static let smallChunkBytes = 64

  public init() {}
}
