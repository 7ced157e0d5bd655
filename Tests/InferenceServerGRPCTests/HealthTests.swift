import GRPCCore
import GRPCProtobuf
import InferenceServer
import ServingTestSupport
import Testing

@testable import InferenceServerGRPC

@Suite("Health checks over gRPC")
struct HealthTests {
  private typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

  private func check(_ client: LoopbackClient, _ name: String) async throws -> Status {
    try await client.call(
      Grpc_Health_V1_Health.Method.Check.descriptor, Grpc_Health_V1_HealthCheckRequest.with { $0.service = name },
      as: Grpc_Health_V1_HealthCheckResponse.self
    ).status
  }

  @Test("tell the server, the service and each model apart")
  func checks() async throws {
    let folder = try ServedFolder(isLoaded: false)
    try await withLoopback(folder.service) { client async throws in
      let ours = ["", "inference.GRPCInferenceService", "small"]
      for name in ours { #expect(try await check(client, name) == .notServing, "\(name)") }
      _ = folder.service.repository.loadAll()
      for name in ours { #expect(try await check(client, name) == .serving, "\(name)") }
      #expect(try await check(client, "broken") == .notServing)
      #expect(await status { _ = try await check(client, "none") }?.code == .notFound)
      folder.service.beginShutdown()
      for name in ours { #expect(try await check(client, name) == .notServing, "\(name)") }
    }
  }

  @Test("are watched until the server drains")
  func watch() async throws {
    let folder = try ServedFolder(isLoaded: false)
    try await withLoopback(folder.service) { client async throws in
      let request = ClientRequest(message: Grpc_Health_V1_HealthCheckRequest.with { $0.service = "small" })
      let seen = try await client.client.serverStreaming(
        request: request, descriptor: Grpc_Health_V1_Health.Method.Watch.descriptor,
        serializer: ProtobufSerializer<Grpc_Health_V1_HealthCheckRequest>(),
        deserializer: ProtobufDeserializer<Grpc_Health_V1_HealthCheckResponse>(), options: .defaults
      ) { response in
        var seen: [Status] = []
        for try await message in response.messages {
          seen.append(message.status)
          switch seen.count {
          case 1: _ = folder.service.repository.loadAll()
          case 2: folder.service.beginShutdown()
          default: folder.service.scheduler.beginDrain()
          }
        }
        return seen
      }
      #expect(seen == [.notServing, .serving, .notServing])
    }
  }

  @Test("of what is not there say so to those who watch")
  func watchUnknown() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { client async throws in
      let request = ClientRequest(message: Grpc_Health_V1_HealthCheckRequest.with { $0.service = "none" })
      let first = try await client.client.serverStreaming(
        request: request, descriptor: Grpc_Health_V1_Health.Method.Watch.descriptor,
        serializer: ProtobufSerializer<Grpc_Health_V1_HealthCheckRequest>(),
        deserializer: ProtobufDeserializer<Grpc_Health_V1_HealthCheckResponse>(), options: .defaults
      ) { response in
        for try await message in response.messages { return Optional(message.status) }
        return nil
      }
      #expect(first == .serviceUnknown)
    }
  }
}
