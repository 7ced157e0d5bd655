import Foundation
import HTTPTypes
import Hummingbird
import InferenceServer
import Logging
import Metrics
import NIOCore
import Synchronization

/// An answer that needs no more than a request's head.
struct Refusal: Sendable {
  var head: HTTPResponse
  let body: ByteBuffer

  init(_ error: ServingError) {
    let bytes = Documents.error(error).bytes()
    body = ByteBuffer(bytes: bytes)
    head = HTTPResponse(status: error.kind.status)
    head.headerFields[.contentType] = "application/json"
    head.headerFields[.contentLength] = String(bytes.count)
    head.headerFields[.retryAfter] = String(max(1, error.retryAfter ?? 1))
    head.headerFields[.server] = Documents.serverName
  }
}

extension Responder {
  /// What the head of a request is answered with while the queue is full or the server drains; nil for requests that do
  /// not queue, and as long as there is room.
  ///
  /// Cheap, and never waits: connections call it on their event loops, so that a server that is offered many times what
  /// it can do spends its processors on what it has accepted.
  func refusal(_ request: HTTPRequest) -> Refusal? {
    guard request.method == .post, service.scheduler.isRefusing, request.headerFields[.expect] == nil,
      let model = queuedModel(request), (try? checkToken(request.headerFields)) != nil
    else { return nil }
    do { try service.checkAdmission(model) } catch {
      let id = Self.requestID(request.headerFields)
      refusals.record(id: id, path: request.path)
      var refusal = refusals.answer(ServingError(error))
      refusal.head.headerFields[.requestID] = id
      refusal.head.headerFields[.date] = refusals.date
      return refusal
    }
    return nil
  }

  /// The model that a request would queue for; nil when it would not, or cannot.
  private func queuedModel(_ request: HTTPRequest) -> ServedModel? {
    let parts = (request.path ?? "").split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = parts.first, path.utf8.count <= HTTPConfiguration.maxURIBytes else { return nil }
    switch Route(path: path) {
    case .infer(let name, let version): return try? service.repository.model(name, version: version)
    case .restore: return try? model(Query(parts.count == 2 ? parts[1] : nil))
    default: return nil
    }
  }
}

/// Counts refusals, writes at most a line a second about them, and keeps the last for the next, which is mostly alike.
final class Refusals: Sendable {
  private struct State {
    var written: UInt64 = 0
    var count = 0
    var last: (error: ServingError, answer: Refusal)?
    var date: (seconds: Int, text: String) = (0, "")
  }

  private let logger: Logger
  private let counter = Counter(
    label: Responder.requestsLabel, dimensions: [("status", String(HTTPResponse.Status.serviceUnavailable.code))])
  private let state = Mutex(State())

  init(_ logger: Logger) { self.logger = logger }

  func answer(_ error: ServingError) -> Refusal {
    state.withLock { state in
      if let last = state.last, last.error == error { return last.answer }
      let answer = Refusal(error)
      state.last = (error, answer)
      return answer
    }
  }

  /// The time as HTTP has it (RFC 9110, section 5.6.7), written once a second.
  var date: String {
    state.withLock { state in
      let seconds = time(nil)
      if state.date.seconds != seconds { state.date = (seconds, Self.date(seconds)) }
      return state.date.text
    }
  }

  private static func date(_ seconds: time_t) -> String {
    var (seconds, parts, text) = (seconds, tm(), [CChar](repeating: 0, count: 64))
    gmtime_r(&seconds, &parts)
    // Names of days and months are English: a process that sets no locale has C's.
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  func record(id: String, path: String?) {
    counter.increment()
    logger.debug("refused", metadata: ["request_id": .string(id)])
    let count = state.withLock { state -> Int? in
      state.count += 1
      let now = DispatchTime.now().uptimeNanoseconds
      guard now - state.written > 1_000_000_000 else { return nil }
      defer { (state.written, state.count) = (now, 0) }
      return state.count
    }
    guard let count else { return }
    logger.info("requests are refused", metadata: ["count": "\(count)", "last_request_id": .string(id)])
  }
}
