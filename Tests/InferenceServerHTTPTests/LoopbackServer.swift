import InferenceServer
import Logging
import ServiceLifecycle
import ServingTestSupport
import Testing

@testable import InferenceServerHTTP

/// Runs the server on a port that the system chooses, and `body` with that port; then ends the server in order.
func withLoopback(
  _ service: InferenceService, _ configure: (inout HTTPConfiguration) -> Void = { _ in },
  prometheus: PrometheusRegistry = PrometheusRegistry(), _ body: (Int) async throws -> Void
) async throws {
  let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
  var configuration = HTTPConfiguration()
  configuration.port = 0
  configure(&configuration)
  let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  let server = HTTPService(service, configuration: configuration, prometheus: prometheus, logger: quiet) {
    continuation.yield($0)
  }
  let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: quiet))
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask {
      defer { continuation.finish() }
      try await group.run()
    }
    var iterator = ports.makeAsyncIterator()
    if let port = await iterator.next() {
      do { try await body(port) } catch {
        await group.triggerGracefulShutdown()
        throw error
      }
    }
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
  }
}

/// A small inference in JSON.
func inferBody(height: Int = 24, width: Int = 32, more: String = "") -> [UInt8] {
  let planes = ServedPlan.request(ServedPlan.model(), height: height, width: width).planes
  let data = planes.map { "\($0)" }.joined(separator: ",")
  let input = #"{"name":"input","datatype":"FP32","shape":[1,3,\#(height),\#(width)],"data":[\#(data)]}"#
  return Array(#"{"id":"q-1","inputs":[\#(input)]\#(more)}"#.utf8)
}
