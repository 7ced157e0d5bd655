import Foundation
import HTTPTypes
import Hummingbird
import InferenceServer
import Logging
import Metrics
import NIOCore
import PlanRuntime
import Tensors

/// A request on its way, and the connection it came by.
struct ServerContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// Answers every request: finds its route, checks its method and token, gives it an id, and writes a line to the log.
struct Responder: HTTPResponder {
  let service: InferenceService
  let configuration: HTTPConfiguration
  let registry: ConnectionRegistry
  let prometheus: PrometheusRegistry
  let logger: Logger
  let refusals: Refusals

  static let requestsLabel = "evssm_http_requests_total"

  func respond(to request: Request, context: ServerContext) async -> Response {
    let start = RunControl.now()
    let id = Self.requestID(request.headers)
    var logger = logger
    logger[metadataKey: "request_id"] = .string(id)
    var response = await answer(request, context, logger)
    response.headers[.requestID] = id
    if closesConnection(request, response) { response.headers[.connection] = "close" }
    record(request, response, nanoseconds: RunControl.now() - start, logger)
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func answer(_ request: Request, _ context: ServerContext, _ logger: Logger) async -> Response {
    do { return try await route(request, context) } catch {
      let served = ServingError(error)
      if served.kind == .internal { logger.error("a request failed", metadata: ["cause": .string("\(error)")]) }
      return Reply.error(served)
    }
  }

  private func route(_ request: Request, _ context: ServerContext) async throws -> Response {
    let uri = request.head.path ?? ""
    guard uri.utf8.count <= HTTPConfiguration.maxURIBytes else {
      return Reply.json(["error": "The path is too long."], status: .uriTooLong)
    }
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = parts.first, let route = Route(path: path) else {
      throw ServingError(.notFound, "There is nothing at this path.")
    }
    guard route.methods.contains(request.method) else { return Reply.wrongMethod(route) }
    if !route.isPublic { try checkToken(request.headers) }
    let query = Query(parts.count == 2 ? parts[1] : nil)
    return try await respond(route, query, request, context)
  }

  private func respond(
    _ route: Route, _ query: Query, _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    switch route {
    case .page: return page()
    case .icon: return Response(status: .noContent)
    case .metrics: return metrics()
    case .live: return Reply.json(["live": true])
    case .ready:
      let isReady = service.isReady
      return Reply.json(["ready": .bool(isReady)], status: isReady ? .ok : .serviceUnavailable)
    case .server: return Reply.json(Documents.server)
    case .statistics(let model, let version): return try statistics(model, version)
    case .model(let name, let version): return try metadata(name, version)
    case .modelReady(let name, let version): return try modelReady(name, version)
    case .modelConfig(let name, let version):
      return Reply.json(Documents.configuration(try service.repository.model(name, version: version)))
    case .repositoryIndex, .repositoryLoad, .repositoryUnload: return try await repository(route, request, context)
    case .infer(let name, let version): return try await infer(name, version, request, context)
    case .restore: return try await restore(query, request, context)
    }
  }

  // MARK: Around a request

  /// The client's id if it is one that a log can bear, else a new one.
  static func requestID(_ headers: HTTPFields) -> String {
    if let id = headers[.requestID], ModelName.isValid(id) { return id }
    return String(UInt64.random(in: 0...UInt64.max), radix: 36)
  }

  /// Compares without telling by its time how much is right.
  func checkToken(_ headers: HTTPFields) throws {
    guard let token = configuration.token else { return }
    let given = Array((headers[.authorization] ?? "").utf8)
    guard BearerToken.matches(given, token) else {
      throw ServingError(.unauthorized, "This server asks for a bearer token.")
    }
  }

  /// A body that was not read would be taken for the next request, or has to be read for nothing.
  private func closesConnection(_ request: Request, _ response: Response) -> Bool {
    switch response.status {
    case .contentTooLarge, .requestTimeout, .uriTooLong: return true
    default: break
    }
    return response.status.kind != .successful && request.headers[.expect] != nil
  }

  private func record(_ request: Request, _ response: Response, nanoseconds: UInt64, _ logger: Logger) {
    let status = String(response.status.code)
    Counter(label: Self.requestsLabel, dimensions: [("status", status)]).increment()
    let isQuiet = response.status == .ok && request.method != .post
    logger.log(
      level: isQuiet ? .debug : .info, "request",
      metadata: [
        "method": .string(EVSSMError.escaped(request.method.rawValue, limit: 16)),
        "path": .string(EVSSMError.escaped(String(request.head.path?.prefix { $0 != "?" } ?? ""), limit: 200)),
        "status": .string(status), "milliseconds": .string(String(format: "%.1f", Double(nanoseconds) * 1e-6)),
      ])
  }
}
