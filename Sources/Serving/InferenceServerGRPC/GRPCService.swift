import GRPCCore
import GRPCNIOTransportHTTP2Posix
import InferenceServer
import Logging
import ServiceLifecycle

/// The gRPC server: the Open Inference Protocol's service, and gRPC's health checks.
package struct GRPCService: Service {
  /// Calls on one connection at a time.
  static let maxStreams = 128

  private let service: InferenceService
  private let configuration: GRPCConfiguration
  private let logger: Logger
  private let onListening: @Sendable (Int) async -> Void

  /// - Parameter onListening: called with the port, once the server listens.
  package init(
    _ service: InferenceService, configuration: GRPCConfiguration, logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) {
    self.service = service
    self.configuration = configuration
    self.logger = logger
    self.onListening = onListening
  }

  /// Listens until the service group shuts down; then says goodbye to clients and answers what was asked.
  package func run() async throws {
    let transport = HTTP2ServerTransport.Posix(
      address: try address(), transportSecurity: .plaintext,
      config: .defaults { config in
        config.rpc.maxRequestPayloadSize = configuration.maxMessageBytes
        config.compression.enabledAlgorithms = [.gzip, .deflate]
        config.http2.targetWindowSize = 4 << 20
        config.http2.maxConcurrentStreams = Self.maxStreams
        config.connection.maxGraceTime = .seconds(5)
        config.channelDebuggingCallbacks.onAcceptHTTP2Stream = {
          [budget = service.budget, maxBytes = configuration.maxMessageBytes] stream in
          stream.eventLoop.makeCompletedFuture {
            try stream.pipeline.syncOperations.addHandler(
              MessageBudget(budget, maxMessageBytes: maxBytes), position: .first)
          }
        }
      })
    let server = GRPCServer(
      transport: transport,
      services: [
        InferenceCalls(service: service, isRepositoryOpen: configuration.isRepositoryOpen, logger: logger),
        HealthCalls(service: service),
      ], interceptors: [Gatekeeper(service: service, token: configuration.token, logger: logger)])
    try await withGracefulShutdownHandler {
      try await withThrowingDiscardingTaskGroup { group in
        group.addTask { try await server.serve() }
        await onListening(try await transport.listeningAddress.port)
      }
    } onGracefulShutdown: {
      server.beginGracefulShutdown()
    }
  }

  private func address() throws -> GRPCNIOTransportCore.SocketAddress {
    let host = configuration.host == "localhost" ? "127.0.0.1" : configuration.host
    if host.contains(":") { return .ipv6(host: host, port: configuration.port) }
    return .ipv4(host: host, port: configuration.port)
  }
}

/// How the gRPC server listens, and what it bears.
package struct GRPCConfiguration: Sendable, Hashable {
  /// An address, not a name.
  package var host: String
  package var port: Int
  /// What calls must carry as `authorization: Bearer …`, all but health checks; nil for nothing.
  package var token: String?
  /// Whether clients may load and unload models.
  package var isRepositoryOpen: Bool
  /// Bytes of a message, after decompression.
  package var maxMessageBytes: Int

  package init(host: String, port: Int, token: String?, isRepositoryOpen: Bool, maxMessageBytes: Int) {
    self.host = host
    self.port = port
    self.token = token
    self.isRepositoryOpen = isRepositoryOpen
    self.maxMessageBytes = maxMessageBytes
  }
}

extension GRPCNIOTransportCore.SocketAddress {
  fileprivate var port: Int { ipv4?.port ?? ipv6?.port ?? 0 }
}
