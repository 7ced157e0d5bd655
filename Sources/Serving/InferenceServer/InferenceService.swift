import Foundation
import Imaging
import PlanRuntime
import Synchronization
import Tensors

/// What both protocols serve: models, the scheduler behind them, and the way of a request through both.
package final class InferenceService: Sendable {
  package let repository: ModelRepository
  package let scheduler: Scheduler
  /// Threads for parsing, decoding, encoding and opening files.
  package let converter: BlockingPool
  package let budget: ByteBudget
  /// Seconds that a request may take; 0 for no limit. A request may ask for less, not for more.
  package let maximumSeconds: Double
  private let isEnding = Atomic<Bool>(false)

  package init(
    sources: [ModelRepository.Source], scheduler: SchedulerConfiguration, maxBufferedBytes: Int = 1 << 30,
    maximumSeconds: Double = 0
  ) throws {
    let runner = try Scheduler(scheduler)
    self.scheduler = runner
    repository = ModelRepository(sources: sources) { runner.endSessions(of: $0) }
    converter = try BlockingPool(threads: 2)
    budget = ByteBudget(limit: maxBufferedBytes)
    self.maximumSeconds = maximumSeconds
  }

  /// Whether to send requests here: models are loaded and the server is not about to end.
  package var isReady: Bool { repository.isLoaded && !isEnding.load(ordering: .relaxed) && !scheduler.isDraining }

  /// Is not ready from now on, but still accepts requests, until the scheduler is drained.
  package func beginShutdown() { isEnding.store(true, ordering: .relaxed) }

  /// Throws, and counts as rejected, what would be refused now: for an answer before a body is read.
  package func checkAdmission(_ model: ServedModel) throws {
    do { try scheduler.checkAdmission() } catch {
      model.statistics.began()
      model.statistics.failed(ServingError(error).kind, total: 0)
      throw error
    }
  }

  /// Serves an inference request.
  ///
  /// - Parameters:
  ///   - isLong: whether `parse` and `encode` take long enough for threads of their own.
  ///   - deadline: of the protocol itself, in nanoseconds of the monotonic clock; nil for none.
  ///   - parse: makes the request from what came over the network.
  ///   - encode: makes what goes over the network.
  package func infer<Output: Sendable>(
    _ model: ServedModel, isLong: Bool, deadline: UInt64? = nil,
    parse: @escaping @Sendable () throws -> InferRequest,
    encode: @escaping @Sendable (InferResponse, InferRequest.Parameters, Bool) throws -> Output
  ) async throws -> Output {
    try await perform(
      model,
      prepare: { [self] in
        let request = isLong ? try await converter.run(parse) : try parse()
        let run = RunRequest(model: model, height: request.height, width: request.width, planes: request.planes)
        var urgency = request.parameters.urgency(maximum: maximumSeconds)
        if let deadline { urgency.deadline = min(deadline, urgency.deadline ?? .max) }
        return (run, urgency, request.withoutPlanes)
      },
      finish: { [self] result, request in
        let response = InferResponse(
          modelName: model.name, modelVersion: model.version, id: request.id, shape: request.shape,
          planes: result.planes)
        let body: @Sendable () throws -> Output = { try encode(response, request.parameters, request.isOutputBinary) }
        return isLong || !request.isOutputBinary ? try await converter.run(body) : try body()
      })
  }

  /// Restores a PNG or JPEG file held in memory.
  ///
  /// - Parameters:
  ///   - format: of the result; that of the input if nil.
  ///   - seconds: until the result is worth nothing; nil for no limit of the request's own.
  package func restore(
    _ model: ServedModel, file: [UInt8], format: PictureFormat?, quality: Int, seconds: Double? = nil
  ) async throws -> (bytes: [UInt8], format: PictureFormat, inferTime: UInt64) {
    var parameters = InferRequest.Parameters()
    if let seconds { parameters.timeout = UInt64(min(seconds, 1e9) * 1e6) }
    let urgency = parameters.urgency(maximum: maximumSeconds)
    return try await perform(
      model,
      prepare: { [self] in
        let info = try await converter.run { try PictureInfo(bytes: file) }
        try scheduler.checkSize(model, height: info.height, width: info.width)
        let reservation = try budget.reserve(24 * info.height * info.width)
        let (planes, alpha) = try await converter.run {
          let picture = try Picture(bytes: file)
          return (picture.planes(), picture.alpha)
        }
        let run = RunRequest(model: model, height: info.height, width: info.width, planes: planes)
        return (run, urgency, RestoredPicture(info: info, alpha: alpha, reservation: reservation))
      },
      finish: { [self] result, picture in
        let format = format ?? picture.info.format
        let bytes = try await converter.run {
          try Picture(
            planes: result.planes, width: picture.info.width, height: picture.info.height, alpha: picture.alpha
          ).encoded(as: format, quality: quality)
        }
        return (bytes, format, result.inferTime)
      })
  }

  /// Admission, the three stages of a request, and their figures.
  private func perform<Kept: Sendable, Output: Sendable>(
    _ model: ServedModel, prepare: () async throws -> (RunRequest, Urgency, Kept),
    finish: (RunResult, Kept) async throws -> Output
  ) async throws -> Output {
    let start = RunControl.now()
    model.statistics.began()
    do {
      let admission = try scheduler.admit()
      var times = ModelStatistics.Times()
      let (request, urgency, kept) = try await prepare()
      try scheduler.checkDeadline(urgency.deadline)
      times.input = RunControl.now() - start
      let result = try await scheduler.run(request, urgency, admission: admission)
      let finished = RunControl.now()
      let output = try await finish(result, kept)
      (times.queue, times.infer, times.output) = (result.queueTime, result.inferTime, RunControl.now() - finished)
      model.statistics.succeeded(
        times, total: RunControl.now() - start, wallMilliseconds: UInt64(max(Date().timeIntervalSince1970, 0) * 1000))
      return output
    } catch {
      model.statistics.failed(ServingError(error).kind, total: RunControl.now() - start)
      throw error
    }
  }
}

/// What is kept of a picture while the network works on it.
private struct RestoredPicture: Sendable {
  let info: PictureInfo
  let alpha: [UInt8]?
  let reservation: ByteBudget.Reservation
}

extension InferRequest {
  /// What the answer needs; the picture itself is the scheduler's.
  fileprivate var withoutPlanes: InferRequest {
    var copy = self
    copy.planes = []
    return copy
  }
}
