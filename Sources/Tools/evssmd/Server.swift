import Glibc
import InferenceServer
import InferenceServerGRPC
import InferenceServerHTTP
import Logging
import Metrics
import ServiceLifecycle
import Tensors
import UnixSignals

/// The process's services from start to end.
struct Server {
  private let options: ServerOptions

  init(_ options: ServerOptions) { self.options = options }

  func run() async throws {
    let options = self.options
    LoggingSystem.bootstrap { label in
      var handler: any LogHandler = options.isLogJSON ? JSONLogHandler() : StreamLogHandler.standardError(label: label)
      handler.logLevel = options.logLevel
      return handler
    }
    let prometheus = PrometheusRegistry()
    MetricsSystem.bootstrap(prometheus)
    let logger = Logger(label: Documents.serverName)
    let service = try InferenceService(
      sources: options.sources, scheduler: options.scheduler, maxBufferedBytes: options.maxBufferedBytes,
      maximumSeconds: options.timeout)
    warn(logger)
    try await serve(service, prometheus, logger)
    logger.info("ended")
  }

  private func warn(_ logger: Logger) {
    if !options.isLoopback, options.http.token == nil {
      logger.warning("anyone who reaches this address may use the server: set EVSSMD_TOKEN, or put a proxy in front")
    }
  }

  private func serve(_ service: InferenceService, _ prometheus: PrometheusRegistry, _ logger: Logger) async throws {
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services(service, prometheus, logger),
        logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      tasks.addTask { try await endOnSignal(service, group, logger) }
      // The first to end is the group of services, drained or failed.
      try await tasks.next()
      tasks.cancelAll()
    }
  }

  private func services(
    _ service: InferenceService, _ prometheus: PrometheusRegistry, _ logger: Logger
  ) -> [ServiceGroupConfiguration.ServiceConfiguration] {
    var services: [any Service] = [
      HTTPService(service, configuration: options.http, prometheus: prometheus, logger: logger) { port in
        logger.notice("listening for HTTP", metadata: ["port": "\(port)"])
      }
    ]
    if let port = options.grpcPort {
      services.append(
        GRPCService(service, configuration: options.grpc(port: port), logger: logger) { port in
          logger.notice("listening for gRPC", metadata: ["port": "\(port)"])
        })
    }
    return services.map { .init(service: $0) }
      + [
        .init(
          service: ModelLoading(service: service, sources: options.sources, logger: logger),
          successTerminationBehavior: .ignore)
      ]
  }

  /// Drains on the first signal, ends the process on the second.
  private func endOnSignal(_ service: InferenceService, _ group: ServiceGroup, _ logger: Logger) async throws {
    var isEnding = false
    for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
      if isEnding {
        logger.notice("ended at once by a second signal")
        _exit(EXIT_FAILURE)
      }
      isEnding = true
      logger.info("shutting down", metadata: ["accepted": "\(service.scheduler.figures.accepted)"])
      service.beginShutdown()
      Task {
        try await Task.sleep(for: .seconds(options.drainDelay))
        service.scheduler.beginDrain()
        await group.triggerGracefulShutdown()
        try await Task.sleep(for: .seconds(options.grace))
        logger.warning(
          "requests were left when the grace period ended",
          metadata: ["accepted": "\(service.scheduler.figures.accepted)"])
        _exit(EXIT_FAILURE)
      }
    }
  }
}

/// Opens the models while the server already answers that it lives.
private struct ModelLoading: Service {
  let service: InferenceService
  let sources: [ModelRepository.Source]
  let logger: Logger

  func run() async throws {
    let entries = try await service.converter.run { [service] in service.repository.loadAll() }
    for entry in entries {
      logger.log(
        level: entry.state == "READY" ? .info : .error, "model",
        metadata: [
          "name": "\(entry.name)", "version": "\(entry.version)", "state": "\(entry.state)",
          "reason": "\(entry.reason)",
        ])
    }
    if entries.isEmpty { logger.warning("no model was found") }
    try checkFiles(entries)
  }

  /// A plan that was named on the command line must open; folders may hold what is not ready yet.
  private func checkFiles(_ entries: [ModelRepository.Entry]) throws {
    for case .file(let name, let path) in sources {
      if let bad = entries.first(where: { $0.name == name && $0.state != "READY" }) {
        throw EVSSMError(
          "serve.plan", "The plan cannot be served: \(bad.reason)", category: .noInput, place: .init(file: path))
      }
    }
  }
}
