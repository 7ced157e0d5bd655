import Foundation
import GRPCCore
import InferenceServer
import Logging
import Tensors

/// The calls of `inference.GRPCInferenceService`.
struct InferenceCalls: Inference_GRPCInferenceService.SimpleServiceProtocol {
  let service: InferenceService
  let isRepositoryOpen: Bool
  let logger: Logger

  private var repository: ModelRepository { service.repository }

  /// Runs a call's body; its errors become statuses.
  private func answer<Output>(_ body: () async throws -> Output) async throws -> Output {
    do { return try await body() } catch {
      let served = ServingError(error)
      if served.kind == .internal { logger.error("a call failed", metadata: ["cause": .string("\(error)")]) }
      throw served.rpcError
    }
  }

  private static func version(_ text: String) -> String? { text.isEmpty ? nil : text }

  // MARK: Health and metadata

  func serverLive(
    request: Inference_ServerLiveRequest, context: ServerContext
  ) async throws -> Inference_ServerLiveResponse {
    .with { $0.live = true }
  }

  func serverReady(
    request: Inference_ServerReadyRequest, context: ServerContext
  ) async throws -> Inference_ServerReadyResponse {
    .with { $0.ready = service.isReady }
  }

  func modelReady(
    request: Inference_ModelReadyRequest, context: ServerContext
  ) async throws -> Inference_ModelReadyResponse {
    do {
      _ = try repository.model(request.name, version: Self.version(request.version))
    } catch let error as ServingError {
      if error.kind == .unavailable { return .with { $0.ready = false } }
      throw error.rpcError
    }
    return .with { $0.ready = service.isReady }
  }

  func serverMetadata(
    request: Inference_ServerMetadataRequest, context: ServerContext
  ) async throws -> Inference_ServerMetadataResponse {
    .with {
      $0.name = Documents.serverName
      $0.version = Documents.serverVersion
      $0.extensions = Documents.extensions
    }
  }

  func modelMetadata(
    request: Inference_ModelMetadataRequest, context: ServerContext
  ) async throws -> Inference_ModelMetadataResponse {
    try await answer {
      let model = try repository.model(request.name, version: Self.version(request.version))
      return .with {
        $0.name = model.name
        $0.versions = repository.versions(of: model.name).map(String.init)
        $0.platform = ServedModel.platform
        $0.inputs = [Self.tensor(ServedModel.inputName, model)]
        $0.outputs = [Self.tensor(ServedModel.outputName, model)]
      }
    }
  }

  private static func tensor(_ name: String, _ model: ServedModel) -> Inference_ModelMetadataResponse.TensorMetadata {
    .with {
      $0.name = name
      $0.datatype = ServedModel.datatype
      $0.shape = model.shape.map(Int64.init)
    }
  }

  func modelStatistics(
    request: Inference_ModelStatisticsRequest, context: ServerContext
  ) async throws -> Inference_ModelStatisticsResponse {
    try await answer {
      let models: [ServedModel]
      if request.name.isEmpty {
        models = repository.models
      } else {
        let version = Self.version(request.version)
        let model = try repository.model(request.name, version: version)
        models = version == nil ? repository.models.filter { $0.name == model.name } : [model]
      }
      return .with { $0.modelStats = models.map(Inference_ModelStatistics.init) }
    }
  }

  // MARK: Repository

  func repositoryIndex(
    request: Inference_RepositoryIndexRequest, context: ServerContext
  ) async throws -> Inference_RepositoryIndexResponse {
    try await answer {
      let entries = try await service.converter.run { [repository] in repository.index() }
      let wanted = request.ready ? entries.filter { $0.state == "READY" } : entries
      return .with {
        $0.models = wanted.map { entry in
          .with {
            $0.name = entry.name
            $0.version = entry.version
            $0.state = entry.state
            $0.reason = entry.reason
          }
        }
      }
    }
  }

  /// KServe's clients send the model's name in the first field, Triton's in the second.
  private func controlled(_ repositoryName: String, _ modelName: String) throws -> String {
    guard isRepositoryOpen else {
      throw ServingError(.forbidden, "Loading and unloading models is switched off here.")
    }
    return modelName.isEmpty ? repositoryName : modelName
  }

  func repositoryModelLoad(
    request: Inference_RepositoryModelLoadRequest, context: ServerContext
  ) async throws -> Inference_RepositoryModelLoadResponse {
    try await answer {
      let name = try controlled(request.repositoryName, request.modelName)
      try await service.converter.run { [repository] in try repository.load(name) }
      return .with {
        $0.modelName = name
        $0.isLoaded = true
      }
    }
  }

  func repositoryModelUnload(
    request: Inference_RepositoryModelUnloadRequest, context: ServerContext
  ) async throws -> Inference_RepositoryModelUnloadResponse {
    try await answer {
      let name = try controlled(request.repositoryName, request.modelName)
      try repository.unload(name)
      return .with {
        $0.modelName = name
        $0.isUnloaded = true
      }
    }
  }

  // MARK: Inference

  func modelInfer(
    request: Inference_ModelInferRequest, context: ServerContext
  ) async throws -> Inference_ModelInferResponse {
    let deadline = Gatekeeper.deadline
    let task = Task { try await infer(request, deadline: deadline) }
    return try await answer {
      try await withRPCCancellationHandler {
        try await withTaskCancellationHandler {
          try await task.value
        } onCancel: {
          task.cancel()
        }
      } onCancelRPC: {
        task.cancel()
      }
    }
  }

  private func infer(
    _ request: Inference_ModelInferRequest, deadline: UInt64?
  ) async throws -> Inference_ModelInferResponse {
    let model = try repository.model(request.modelName, version: Self.version(request.modelVersion))
    // The values made of the message, and the result; MessageBudget has the message itself.
    let reservation = try service.budget.reserve(2 * request.tensorBytes)
    defer { withExtendedLifetime(reservation) {} }
    return try await service.infer(model, isLong: false, deadline: deadline) {
      try InferRequest(request)
    } encode: { response, _, _ in
      Inference_ModelInferResponse(response)
    }
  }
}
