import HTTPTypes
import Hummingbird
import InferenceServer
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Reads a request's body within bounds: declared and counted, before and after decompression.
struct BodyReader {
  let configuration: HTTPConfiguration
  let budget: ByteBudget

  /// A body in memory, and the bytes set aside for it.
  struct Body: Sendable {
    let bytes: [UInt8]
    let reservation: ByteBudget.Reservation
  }

  /// Throws `tooLarge`, `unsupportedMedia` and `overloaded` before anything is read, where the head tells.
  func read(_ request: Request, _ channel: any Channel) async throws -> Body {
    let encoding = try ContentEncoding(request.headers)
    let declared = try declaredBytes(request.headers)
    let reservation = try budget.reserve(min(declared ?? 0, configuration.maxBodyBytes))
    if request.headers[.expect]?.lowercased() == "100-continue" {
      try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
    }
    var collector = try Collector(
      limit: configuration.maxBodyBytes, reserved: declared ?? 0, reservation: reservation, encoding: encoding)
    do {
      for try await part in request.body { try collector.add(part) }
    } catch let error as ServingError {
      throw error
    } catch is HTTPParserError {
      throw ServingError(.invalid, "The body's chunks are malformed.")
    } catch {
      throw ServingError(.cancelled, "The body broke off.")
    }
    if let declared, collector.receivedBytes != declared { throw ServingError(.cancelled, "The body broke off.") }
    return Body(bytes: try collector.finish(), reservation: reservation)
  }

  private func declaredBytes(_ headers: HTTPFields) throws -> Int? {
    guard let text = headers[.contentLength] else { return nil }
    guard let bytes = Int(text), bytes >= 0 else { throw ServingError(.invalid, "Content-Length is not a number.") }
    try Self.check(bytes, limit: configuration.maxBodyBytes)
    return bytes
  }

  static func check(_ bytes: Int, limit: Int) throws {
    guard bytes <= limit else {
      throw ServingError(.tooLarge, "The body has over \(limit) bytes. [limit max_body]")
    }
  }
}

/// How a body is compressed.
enum ContentEncoding {
  case identity
  case gzip
  case deflate

  /// Throws `unsupportedMedia` for any other encoding, and for several.
  init(_ headers: HTTPFields) throws {
    switch headers[.contentEncoding]?.lowercased() {
    case nil, "identity", "": self = .identity
    case "gzip", "x-gzip": self = .gzip
    case "deflate": self = .deflate
    default: throw ServingError(.unsupportedMedia, "Content-Encoding must be gzip, deflate or identity.")
    }
  }
}

/// What has arrived of a body.
private struct Collector {
  private let limit: Int
  private let reservation: ByteBudget.Reservation
  private let inflater: Inflater?
  private var reserved: Int
  private var parts = 0
  private(set) var receivedBytes = 0
  private var bytes: [UInt8] = []

  init(limit: Int, reserved: Int, reservation: ByteBudget.Reservation, encoding: ContentEncoding) throws {
    self.limit = limit
    self.reserved = reserved
    self.reservation = reservation
    inflater = encoding.windowBits == nil ? nil : try Inflater(encoding)
    bytes.reserveCapacity(min(reserved, 1 << 20))
  }

  mutating func add(_ part: ByteBuffer) throws {
    receivedBytes += part.readableBytes
    parts += part.readableBytes > 0 ? 1 : 0
    try BodyReader.check(receivedBytes, limit: limit)
    if parts > HTTPConfiguration.maxSmallChunks, receivedBytes / parts < HTTPConfiguration.smallChunkBytes {
      let limit = HTTPConfiguration.maxSmallChunks
      throw ServingError(.tooLarge, "The body comes in over \(limit) tiny chunks. [limit max_chunks]")
    }
    try part.withUnsafeReadableBytes { part in
      if let inflater {
        try inflater.inflate(part, into: &bytes, limit: limit) { [reservation] in try reservation.grow(by: $0) }
      } else {
        try grow(by: part.count)
        bytes.append(contentsOf: part)
      }
    }
  }

  private mutating func grow(by more: Int) throws {
    let needed = bytes.count + more
    if needed > reserved {
      try reservation.grow(by: needed - reserved)
      reserved = needed
    }
  }

  consuming func finish() throws -> [UInt8] {
    try inflater?.finish()
    return bytes
  }
}
