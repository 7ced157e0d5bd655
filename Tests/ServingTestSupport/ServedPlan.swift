import ExecutionPlan
import InferenceServer
import ModelCompiler
import PlanRuntime
import TestSupport
import Tensors

/// A small network, compiled once for all tests.
package enum ServedPlan {
  package static let plan: LoadedPlan = {
    do {
      let architecture = SeededWeights.architecture(dim: 8, blocks: [1, 1, 1])
      return try CheckpointCompilation(SeededWeights.catalogue(architecture, seed: 7)).plan
    } catch { fatalError("\(error)") }
  }()

  package static func model(_ name: String = "small") -> ServedModel { ServedModel(name: name, version: 1, plan: plan) }

  package static func request(_ model: ServedModel, height: Int = 24, width: Int = 32, seed: UInt64 = 1) -> RunRequest {
    RunRequest(
      model: model, height: height, width: width,
      planes: SeededWeights.picture(height: height, width: width, seed: seed))
  }

  /// What a run gives without any server.
  package static func expected(_ request: RunRequest) throws -> [Float] {
    try PlanSession(plan: plan, height: request.height, width: request.width, workers: Workers(threads: 1)).run(
      request.planes)
  }

  /// Bytes of a session of this size on `threads` threads.
  package static func byteCount(height: Int, width: Int, threads: Int) throws -> Int {
    try PlanSession(plan: plan, height: height, width: width, workers: Workers(threads: threads)).memoryByteCount
  }
}

/// What the error that `body` throws is for a client; nil if it throws none.
package func kind(_ body: () async throws -> Void) async -> ServingError.Kind? {
  do { try await body() } catch { return ServingError(error).kind }
  return nil
}
