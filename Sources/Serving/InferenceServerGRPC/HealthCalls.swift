import GRPCCore
import InferenceServer

/// The calls of `grpc.health.v1.Health`: of the server (the empty name), of the inference service, and of each model.
struct HealthCalls: Grpc_Health_V1_Health.SimpleServiceProtocol {
  let service: InferenceService

  private func status(_ name: String) -> Grpc_Health_V1_HealthCheckResponse.ServingStatus? {
    let isReady = service.isReady
    if name.isEmpty || name == Inference_GRPCInferenceService.descriptor.fullyQualifiedService {
      return isReady ? .serving : .notServing
    }
    do { _ = try service.repository.model(name) } catch {
      return ServingError(error).kind == .notFound ? nil : .notServing
    }
    return isReady ? .serving : .notServing
  }

  func check(
    request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthCheckResponse {
    guard let status = status(request.service) else {
      throw RPCError(code: .notFound, message: "There is no such service.")
    }
    return .with { $0.status = status }
  }

  /// Says the state now and whenever it changes, looked at twice a second.
  func watch(
    request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
    context: ServerContext
  ) async throws {
    var last: Grpc_Health_V1_HealthCheckResponse.ServingStatus?
    while !context.cancellation.isCancelled, !service.scheduler.isDraining {
      let now = status(request.service) ?? .serviceUnknown
      if now != last {
        try await response.write(.with { $0.status = now })
        last = now
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}
