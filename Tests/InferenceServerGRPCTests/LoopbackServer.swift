import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import InferenceServer
import Logging
import ServiceLifecycle
import ServingTestSupport
import SwiftProtobuf

@testable import InferenceServerGRPC

typealias Method = Inference_GRPCInferenceService.Method

/// A client of a server in this process.
struct LoopbackClient: Sendable {
  let client: GRPCClient<HTTP2ClientTransport.Posix>

  func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
    _ descriptor: MethodDescriptor, _ request: Request, as: Response.Type, metadata: Metadata = [:],
    options: CallOptions = .defaults
  ) async throws -> Response {
    try await client.unary(
      request: ClientRequest(message: request, metadata: metadata), descriptor: descriptor,
      serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(), options: options
    ) { try $0.message }
  }

  func infer(
    _ request: Inference_ModelInferRequest, metadata: Metadata = [:], options: CallOptions = .defaults
  ) async throws -> Inference_ModelInferResponse {
    try await call(
      Method.ModelInfer.descriptor, request, as: Inference_ModelInferResponse.self, metadata: metadata, options: options
    )
  }
}

/// Runs the server on a port that the system chooses, and `body` with a client of it; then ends both in order.
func withLoopback(
  _ service: InferenceService, token: String? = nil, isRepositoryOpen: Bool = true, maxMessageBytes: Int = 64 << 20,
  _ body: @Sendable @escaping (LoopbackClient) async throws -> Void
) async throws {
  let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
  let configuration = GRPCConfiguration(
    host: "localhost", port: 0, token: token, isRepositoryOpen: isRepositoryOpen, maxMessageBytes: maxMessageBytes)
  let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  let server = GRPCService(service, configuration: configuration, logger: quiet) { continuation.yield($0) }
  let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: quiet))
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask {
      defer { continuation.finish() }
      try await group.run()
    }
    var iterator = ports.makeAsyncIterator()
    if let port = await iterator.next() {
      let transport = try HTTP2ClientTransport.Posix(
        target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: .plaintext,
        config: .defaults { $0.compression.enabledAlgorithms = .all })
      try await withGRPCClient(transport: transport) { try await body(LoopbackClient(client: $0)) }
    }
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
  }
}

/// The status with which a call ends; nil for success.
func status(_ body: () async throws -> Void) async -> RPCError? {
  do { try await body() } catch { return error as? RPCError ?? RPCError(code: .unknown, message: "\(error)") }
  return nil
}

extension Inference_ModelInferRequest {
  /// A picture of the small network, in raw bytes.
  static func picture(
    height: Int = 24, width: Int = 32, _ change: (inout Inference_ModelInferRequest) -> Void = { _ in }
  ) -> Inference_ModelInferRequest {
    let planes = ServedPlan.request(ServedPlan.model(), height: height, width: width).planes
    var request = Inference_ModelInferRequest()
    request.modelName = "small"
    request.id = "q-1"
    request.inputs = [
      .with {
        $0.name = "input"
        $0.datatype = "FP32"
        $0.shape = [1, 3, Int64(height), Int64(width)]
      }
    ]
    request.rawInputContents = [planes.withUnsafeBytes { .init($0) }]
    change(&request)
    return request
  }
}
