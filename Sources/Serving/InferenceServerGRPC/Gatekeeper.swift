import Foundation
import GRPCCore
import GRPCProtobuf
import InferenceServer
import Logging
import PlanRuntime

/// Looks at a call's metadata before its messages are read: the token, the deadline, and whether the queue has a place.
/// Writes a line to the log for every inference.
struct Gatekeeper: ServerInterceptor {
  let service: InferenceService
  let token: String?
  let logger: Logger

  /// The deadline of the call at hand, in nanoseconds of the monotonic clock; nil for none.
  @TaskLocal static var deadline: UInt64?

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    if context.descriptor.service.fullyQualifiedService == Grpc_Health_V1_Health.descriptor.fullyQualifiedService {
      return try await next(request, context)
    }
    let start = RunControl.now()
    do {
      do {
        try checkToken(request.metadata)
        if context.descriptor.method == "ModelInfer" { try service.scheduler.checkAdmission() }
      } catch { throw ServingError(error).rpcError }
      let response = try await Self.$deadline.withValue(Self.deadline(request.metadata)) {
        try await next(request, context)
      }
      record(context.descriptor.method, request.metadata, "OK", start)
      return response
    } catch {
      let code = (error as? RPCError)?.code ?? (error as? GoogleRPCStatus)?.code
      record(context.descriptor.method, request.metadata, code.map { "\($0)" } ?? "error", start)
      throw error
    }
  }

  private func record(_ method: String, _ metadata: Metadata, _ code: String, _ start: UInt64) {
    let isQuiet = code == "OK" && method != "ModelInfer"
    let given = metadata[stringValues: "x-request-id"].first { _ in true } ?? ""
    logger.log(
      level: isQuiet ? .debug : .info, "call",
      metadata: [
        "method": .string(method), "code": .string(code),
        "milliseconds": .string(String(format: "%.1f", Double(RunControl.now() - start) * 1e-6)),
        "request_id": .string(ModelName.isValid(given) ? given : String(UInt64.random(in: 0...UInt64.max), radix: 36)),
      ])
  }

  private func checkToken(_ metadata: Metadata) throws {
    guard let token else { return }
    let given = metadata[stringValues: "authorization"].first { _ in true } ?? ""
    guard BearerToken.matches(given.utf8, token) else {
      throw ServingError(.unauthorized, "This server asks for a bearer token.")
    }
  }

  /// `grpc-timeout`: up to eight digits and a unit.
  static func deadline(_ metadata: Metadata) -> UInt64? {
    guard let text = metadata[stringValues: "grpc-timeout"].first(where: { _ in true }), let unit = text.last,
      let amount = UInt64(text.dropLast()), amount < 100_000_000
    else { return nil }
    let nanoseconds: [Character: UInt64] = [
      "H": 3_600_000_000_000, "M": 60_000_000_000, "S": 1_000_000_000, "m": 1_000_000, "u": 1000, "n": 1,
    ]
    guard let factor = nanoseconds[unit] else { return nil }
    let (product, overflow) = amount.multipliedReportingOverflow(by: factor)
    let (sum, over) = RunControl.now().addingReportingOverflow(product)
    return overflow || over ? nil : sum
  }
}
