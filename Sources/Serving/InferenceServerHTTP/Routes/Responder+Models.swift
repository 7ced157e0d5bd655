import HTTPTypes
import Hummingbird
import InferenceServer

extension Responder {
  func page() -> Response {
    Reply.bytes(
      PackageResources.index_html, type: "text/html; charset=utf-8",
      headers: [
        .contentSecurityPolicy:
          "default-src 'none'; img-src 'self' blob: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
          + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        .xContentTypeOptions: "nosniff",
      ])
  }

  func metrics() -> Response {
    var text = PrometheusText()
    service.writeMetrics(to: &text)
    text.metric("evssm_http_connections", .gauge, "Open HTTP connections")
    text.sample("evssm_http_connections", [], Double(registry.count))
    prometheus.write(to: &text)
    return Reply.bytes(text.bytes, type: PrometheusText.contentType)
  }

  func metadata(_ name: String, _ version: String?) throws -> Response {
    let model = try service.repository.model(name, version: version)
    return Reply.json(Documents.model(model, versions: service.repository.versions(of: name)))
  }

  func modelReady(_ name: String, _ version: String?) throws -> Response {
    let model = try service.repository.model(name, version: version)
    let isReady = service.isReady
    return Reply.json(
      ["name": .string(model.name), "ready": .bool(isReady)], status: isReady ? .ok : .serviceUnavailable)
  }

  func statistics(_ name: String?, _ version: String?) throws -> Response {
    guard let name else { return Reply.json(Documents.statistics(service.repository.models)) }
    let newest = try service.repository.model(name, version: version)
    let models = version == nil ? service.repository.models.filter { $0.name == name } : [newest]
    return Reply.json(Documents.statistics(models))
  }

  /// The routes of the repository extension. Bodies are parameters that say nothing to this server; they are read and
  /// left.
  func repository(_ route: Route, _ request: Request, _ context: ServerContext) async throws -> Response {
    _ = try await BodyReader(configuration: configuration, budget: service.budget).read(request, context.channel)
    let repository = service.repository
    switch route {
    case .repositoryLoad(let name):
      try checkRepositoryIsOpen()
      try await service.converter.run { try repository.load(name) }
    case .repositoryUnload(let name):
      try checkRepositoryIsOpen()
      try repository.unload(name)
    default: return Reply.json(Documents.index(try await service.converter.run { repository.index() }))
    }
    return Reply.json([:])
  }

  private func checkRepositoryIsOpen() throws {
    guard configuration.isRepositoryOpen else {
      throw ServingError(.forbidden, "Loading and unloading models is switched off here.")
    }
  }
}
