import GRPCCore
import InferenceServer
import ServingTestSupport
import Testing

@testable import InferenceServerGRPC

@Suite("Calls over gRPC that describe the server and its models")
struct CallTests {
  @Test("say that the server lives, and when it is ready")
  func health() async throws {
    let folder = try ServedFolder(isLoaded: false)
    try await withLoopback(folder.service) { client async throws in
      func isReady() async throws -> Bool {
        try await client.call(
          Method.ServerReady.descriptor, Inference_ServerReadyRequest(), as: Inference_ServerReadyResponse.self
        ).ready
      }
      func isModelReady(_ name: String, _ version: String = "") async throws -> Bool {
        let request = Inference_ModelReadyRequest.with {
          $0.name = name
          $0.version = version
        }
        return try await client.call(
          Method.ModelReady.descriptor, request, as: Inference_ModelReadyResponse.self
        ).ready
      }
      let live = try await client.call(
        Method.ServerLive.descriptor, Inference_ServerLiveRequest(), as: Inference_ServerLiveResponse.self)
      #expect(live.live)
      #expect(try await !isReady())
      #expect(try await !isModelReady("small"))
      _ = folder.service.repository.loadAll()
      #expect(try await isReady())
      #expect(try await isModelReady("small"))
      #expect(try await isModelReady("small", "3"))
      #expect(try await !isModelReady("broken"))
      for (name, version) in [("none", ""), ("small", "2"), ("small", "x"), ("", "")] {
        #expect(await status { _ = try await isModelReady(name, version) }?.code == .notFound, "\(name) \(version)")
      }
      folder.service.beginShutdown()
      #expect(try await !isReady())
      #expect(try await !isModelReady("small"))
    }
  }

  @Test("describe the server and a model")
  func metadata() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { client async throws in
      let server = try await client.call(
        Method.ServerMetadata.descriptor, Inference_ServerMetadataRequest(), as: Inference_ServerMetadataResponse.self)
      #expect(server.name == Documents.serverName && server.version == Documents.serverVersion)
      #expect(server.extensions == Documents.extensions)
      let model = try await client.call(
        Method.ModelMetadata.descriptor, Inference_ModelMetadataRequest.with { $0.name = "small" },
        as: Inference_ModelMetadataResponse.self)
      #expect(model.name == "small" && model.versions == ["1", "3"] && model.platform == "evssm_plan")
      #expect(model.inputs.map(\.name) == ["input"] && model.outputs.map(\.name) == ["output"])
      #expect(model.inputs[0].datatype == "FP32" && model.inputs[0].shape == [1, 3, -1, -1])
      let unknown = await status {
        _ = try await client.call(
          Method.ModelMetadata.descriptor, Inference_ModelMetadataRequest.with { $0.name = "a\u{7}b" },
          as: Inference_ModelMetadataResponse.self)
      }
      #expect(unknown?.code == .notFound && unknown?.message.contains("\u{7}") == false)
    }
  }

  @Test("give a model's statistics, which inferences change")
  func statistics() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { client async throws in
      func figures(_ name: String, _ version: String = "") async throws -> [Inference_ModelStatistics] {
        let request = Inference_ModelStatisticsRequest.with {
          $0.name = name
          $0.version = version
        }
        return try await client.call(
          Method.ModelStatistics.descriptor, request, as: Inference_ModelStatisticsResponse.self
        ).modelStats
      }
      #expect(try await figures("").map(\.version) == ["1", "3"])
      #expect(try await figures("small", "1").map(\.version) == ["1"])
      #expect(try await figures("small")[1].batchStats.isEmpty)
      _ = try await client.infer(.picture())
      _ = await status { _ = try await client.infer(.picture { $0.inputs[0].datatype = "FP16" }) }
      let after = try await figures("small")
      #expect(after[0].inferenceCount == 0)
      #expect(after[1].inferenceCount == 1 && after[1].executionCount == 1 && after[1].lastInference > 0)
      #expect(after[1].inferenceStats.success.count == 1 && after[1].inferenceStats.fail.count == 1)
      #expect(after[1].batchStats.map(\.batchSize) == [1])
      #expect(await status { _ = try await figures("none") }?.code == .notFound)
    }
  }

  private func load(_ client: LoopbackClient, _ name: String) async throws -> Inference_RepositoryModelLoadResponse {
    try await client.call(
      Method.RepositoryModelLoad.descriptor, Inference_RepositoryModelLoadRequest.with { $0.repositoryName = name },
      as: Inference_RepositoryModelLoadResponse.self)
  }

  private func unload(_ client: LoopbackClient, _ name: String) async throws -> Inference_RepositoryModelUnloadResponse
  {
    try await client.call(
      Method.RepositoryModelUnload.descriptor, Inference_RepositoryModelUnloadRequest.with { $0.modelName = name },
      as: Inference_RepositoryModelUnloadResponse.self)
  }

  private func index(_ client: LoopbackClient, ready: Bool = false) async throws -> [String] {
    let response = try await client.call(
      Method.RepositoryIndex.descriptor, Inference_RepositoryIndexRequest.with { $0.ready = ready },
      as: Inference_RepositoryIndexResponse.self)
    return response.models.map { "\($0.name) \($0.version) \($0.state)" }
  }

  @Test("list, load and unload models")
  func repository() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { client async throws in
      let all = ["broken 1 UNAVAILABLE", "small 1 READY", "small 3 READY"]
      #expect(try await index(client) == all)
      #expect(try await index(client, ready: true) == ["small 1 READY", "small 3 READY"])
      let unloaded = try await unload(client, "small")
      #expect(unloaded.modelName == "small" && unloaded.isUnloaded)
      #expect(try await index(client, ready: true).isEmpty)
      #expect(await status { _ = try await client.infer(.picture()) }?.code == .unavailable)
      #expect(try await load(client, "small").isLoaded)
      _ = try await client.infer(.picture())
      #expect(await status { _ = try await load(client, "broken") }?.code == .invalidArgument)
      for name in ["none", "", "../small", "small/3"] {
        #expect(await status { _ = try await load(client, name) }?.code == .notFound, "\(name)")
        #expect(await status { _ = try await unload(client, name) }?.code == .notFound, "\(name)")
      }
    }
  }

  @Test("do not change models where that is switched off")
  func closedRepository() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service, isRepositoryOpen: false) { client async throws in
      #expect(await status { _ = try await load(client, "small") }?.code == .permissionDenied)
      #expect(await status { _ = try await unload(client, "small") }?.code == .permissionDenied)
      #expect(try await index(client).count == 3)
    }
  }

  @Test("ask for the token, health checks aside")
  func token() async throws {
    let folder = try ServedFolder()
    let token = "0123456789abcdef"
    try await withLoopback(folder.service, token: token) { client async throws in
      for given: Metadata in [[:], ["authorization": "Bearer x"], ["authorization": "\(token)"]] {
        let refusal = await status { _ = try await client.infer(.picture(), metadata: given) }
        #expect(refusal?.code == .unauthenticated)
        #expect(refusal?.message.contains(token) == false)
      }
      _ = try await client.infer(.picture(), metadata: ["authorization": "Bearer \(token)"])
      let health = try await client.call(
        Grpc_Health_V1_Health.Method.Check.descriptor, Grpc_Health_V1_HealthCheckRequest(),
        as: Grpc_Health_V1_HealthCheckResponse.self)
      #expect(health.status == .serving)
    }
  }
}
