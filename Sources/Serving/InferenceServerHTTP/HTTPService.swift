import Hummingbird
import HummingbirdCore
import InferenceServer
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server: the Open Inference Protocol over REST, the route for pictures, the page, and metrics.
package struct HTTPService: Service {
  private let service: InferenceService
  private let configuration: HTTPConfiguration
  private let prometheus: PrometheusRegistry
  private let logger: Logger
  private let onListening: @Sendable (Int) async -> Void

  /// - Parameter onListening: called with the port, once the server listens.
  package init(
    _ service: InferenceService, configuration: HTTPConfiguration, prometheus: PrometheusRegistry, logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) {
    self.service = service
    self.configuration = configuration
    self.prometheus = prometheus
    self.logger = logger
    self.onListening = onListening
  }

  /// Listens until the service group shuts down; then takes no new connection and answers what was asked.
  package func run() async throws {
    let registry = ConnectionRegistry()
    let responder = Responder(
      service: service, configuration: configuration, registry: registry, prometheus: prometheus, logger: logger,
      refusals: Refusals(logger))
    let channel = HTTP1Channel.Configuration(
      additionalChannelHandlers: [
        ConnectionHandler(configuration: configuration, registry: registry) { responder.refusal($0) }
      ],
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: HTTPConfiguration.maxHeaderBytes, maxHeaderListSize: HTTPConfiguration.maxHeaderBytes,
        maxHeaderFieldCount: HTTPConfiguration.maxHeaders))
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .notice)
    let application = Application(
      responder: responder, server: .http1(configuration: channel),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: Documents.serverName,
        backlog: 1024, availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: quiet)),
      onServerRunning: { [onListening] in await onListening($0.localAddress?.port ?? 0) }, logger: quiet)
    try await application.run()
  }
}
