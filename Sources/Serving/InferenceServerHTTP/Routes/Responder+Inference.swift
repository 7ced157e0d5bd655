import HTTPTypes
import Hummingbird
import Imaging
import InferenceServer

extension Responder {
  /// Bodies with more JSON than this are parsed on threads of their own.
  private static let longJSON = 16 << 10

  func infer(
    _ name: String, _ version: String?, _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let model = try service.repository.model(name, version: version)
    try checkContentType(request.headers, ["application/json", "application/octet-stream"])
    let headerLength = try headerLength(request.headers)
    try service.checkAdmission(model)
    let body = try await BodyReader(configuration: configuration, budget: service.budget).read(request, context.channel)
    let compression = Self.acceptedEncoding(request.headers)
    return try await registry.state(context.channel).whileConnected { [service] in
      try await service.infer(model, isLong: headerLength ?? body.bytes.count > Self.longJSON) {
        try body.bytes.withUnsafeBytes { try InferRequest(body: $0, headerLength: headerLength) }
      } encode: { response, _, isBinary in
        try Self.reply(response, isBinary: isBinary, compression)
      }
    }
  }

  private static func reply(
    _ response: InferResponse, isBinary: Bool, _ compression: (ContentEncoding, String)?
  ) throws -> Response {
    let (bytes, headerLength) = try response.body(isBinary: isBinary)
    if let headerLength {
      return Reply.bytes(
        bytes, type: "application/octet-stream", headers: [.inferenceHeaderLength: String(headerLength)])
    }
    guard let (encoding, name) = compression, let packed = Deflater.compress(bytes, encoding) else {
      return Reply.bytes(bytes, type: "application/json")
    }
    return Reply.bytes(packed, type: "application/json", headers: [.contentEncoding: name])
  }

  /// What the client reads; answers that are text come so.
  private static func acceptedEncoding(_ headers: HTTPFields) -> (ContentEncoding, String)? {
    let accepted = (headers[.acceptEncoding] ?? "").lowercased().split(separator: ",").map { part in
      part.filter { $0 != " " }
    }
    if accepted.contains("gzip") { return (.gzip, "gzip") }
    if accepted.contains("deflate") { return (.deflate, "deflate") }
    return nil
  }

  private func checkContentType(_ headers: HTTPFields, _ allowed: [String]) throws {
    guard let value = headers[.contentType] else { return }
    let type = value.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    guard allowed.contains(type) else {
      throw ServingError(.unsupportedMedia, "Content-Type must be \(allowed.joined(separator: " or ")), or absent.")
    }
  }

  private func headerLength(_ headers: HTTPFields) throws -> Int? {
    let values = headers[values: .inferenceHeaderLength]
    guard let text = values.first else { return nil }
    guard values.count == 1, (1...12).contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(text)
    else { throw ServingError(.invalid, "Inference-Header-Content-Length must be one number of bytes.") }
    return length
  }

  /// A PNG or JPEG body, restored: `?model=`, `?format=png|jpeg`, `?quality=`, `?timeout=` in seconds.
  func restore(_ query: Query, _ request: Request, _ context: ServerContext) async throws -> Response {
    let model = try model(query)
    if request.headers[.contentType]?.lowercased().hasPrefix("multipart/") ?? false {
      throw ServingError(.unsupportedMedia, "Send the picture's bytes as the body, not a form.")
    }
    let options = try RestoreOptions(query)
    try service.checkAdmission(model)
    let body = try await BodyReader(configuration: configuration, budget: service.budget).read(request, context.channel)
    let restored = try await registry.state(context.channel).whileConnected { [service] in
      try await service.restore(
        model, file: body.bytes, format: options.format, quality: options.quality, seconds: options.seconds)
    }
    return Reply.bytes(
      restored.bytes, type: restored.format == .png ? "image/png" : "image/jpeg",
      headers: [.inferSeconds: String(Double(restored.inferTime / 1_000_000) / 1000)])
  }

  /// The model that the query names, or the only one.
  func model(_ query: Query) throws -> ServedModel {
    try query["model"].map { try service.repository.model($0, version: query["version"]) }
      ?? service.repository.onlyModel()
  }
}

/// What the query of the restore route may say.
private struct RestoreOptions {
  let format: PictureFormat?
  let quality: Int
  let seconds: Double?

  init(_ query: Query) throws {
    switch query["format"] {
    case nil: format = nil
    case "png": format = .png
    case "jpeg", "jpg": format = .jpeg
    default: throw ServingError(.invalid, "format must be png or jpeg.")
    }
    quality =
      try query["quality"].map {
        guard let value = Int($0), (1...100).contains(value) else {
          throw ServingError(.invalid, "quality must be between 1 and 100.")
        }
        return value
      } ?? 95
    seconds = try query["timeout"].map {
      guard let value = Double($0), value > 0, value.isFinite else {
        throw ServingError(.invalid, "timeout must be a number of seconds.")
      }
      return value
    }
  }
}
