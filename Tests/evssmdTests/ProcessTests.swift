import ExecutionPlan
import Foundation
import ServingTestSupport
import TestSupport
import Testing

@Suite("The server's process")
struct ProcessTests {
  private let directory: TemporaryDirectory
  private let plan: String

  init() throws {
    directory = try TemporaryDirectory()
    plan = directory.path("small.plan")
    try PlanFile.write(ServedPlan.plan, to: plan)
  }

  /// One line of the log in JSON.
  private func object(_ line: String) throws -> [String: String] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
  }

  private func message(_ line: String) -> String? { (try? object(line))?["message"] }

  /// A server that has loaded its model, and its HTTP port.
  private func started(_ arguments: [String] = []) async throws -> (Daemon, Int) {
    let daemon = try Daemon(
      [plan, "--port", "0", "--grpc-port", "0", "--threads", "2", "--log-format", "json"] + arguments)
    var wanted: Set = ["listening for HTTP", "listening for gRPC", "model"]
    let log = await daemon.log {
      if let message = message($0) { wanted.remove(message) }
      return wanted.isEmpty
    }
    let line = try #require(log.first { message($0) == "listening for HTTP" }, "\(log)")
    return (daemon, try #require(Int(object(line)["port"] ?? "")))
  }

  @Test("starts on ports of the system's choice, serves, and ends in order at a signal", arguments: [SIGTERM, SIGINT])
  func startToEnd(signal: Int32) async throws {
    let (daemon, port) = try await started()
    let live = try await httpExchange(port: port, "GET", "/v2/health/live")
    #expect(live.status == 200)
    let answer = try await httpExchange(port: port, "GET", "/v2/models/small")
    #expect(try answer.json()["name"] as? String == "small")
    daemon.signal(signal)
    let outcome = await daemon.end()
    #expect(outcome.status == 0, "\(outcome.log)")
    #expect(outcome.log.contains { message($0) == "shutting down" })
    #expect(outcome.log.last.flatMap(message) == "ended")
  }

  @Test("still answers between a signal and the refusal of requests, but is not ready; a second signal ends it at once")
  func drainDelay() async throws {
    let (daemon, port) = try await started(["--drain-delay", "600"])
    #expect(try await httpExchange(port: port, "GET", "/v2/health/ready").status == 200)
    daemon.signal(SIGTERM)
    _ = await daemon.log { message($0) == "shutting down" }
    // The line is written just before readiness ends.
    var status = 200
    for _ in 0..<1000 where status == 200 {
      status = try await httpExchange(port: port, "GET", "/v2/health/ready").status
    }
    #expect(status == 503)
    #expect(try await httpExchange(port: port, "GET", "/v2/models/small").status == 200)
    daemon.signal(SIGTERM)
    let outcome = await daemon.end()
    #expect(outcome.status == 1)
    #expect(outcome.log.last.flatMap(message) == "ended at once by a second signal")
  }

  @Test("logs objects of text with a time and a level, in JSON")
  func jsonLog() async throws {
    let daemon = try Daemon(
      [plan, "--port", "0", "--grpc-port", "off", "--log-format", "json", "--host", "0.0.0.0"])
    let log = await daemon.log { message($0) == "model" }
    daemon.signal(SIGTERM)
    let outcome = await daemon.end()
    for line in log + outcome.log {
      let fields = try object(line)
      #expect(fields["time"]?.hasSuffix("Z") == true && fields["level"] != nil && fields["message"] != nil, "\(line)")
    }
    #expect(log.contains { line in line.contains(#""level":"warning""#) && line.contains("EVSSMD_TOKEN") })
    #expect(try object(#require(log.last))["state"] == "READY")
  }

  private struct Failing: Sendable {
    let arguments: [String]
    var environment: [String: String] = [:]
    let status: Int32
    let word: String
  }

  @Test("ends with a status of sysexits.h and one line for what it cannot do")
  func failures() async throws {
    let broken = try directory.file("broken.plan", Array("no plan".utf8))
    let cases = [
      Failing(arguments: [], status: 64, word: "[config.no-models]"),
      Failing(arguments: [plan, "--port", "x"], status: 64, word: "--port"),
      Failing(arguments: [plan], environment: ["EVSSMD_GRPC_PORT": "70000"], status: 64, word: "--grpc-port"),
      Failing(arguments: [plan], environment: ["EVSSMD_TOKEN": "secret"], status: 64, word: "EVSSMD_TOKEN"),
      Failing(arguments: [plan, "--config", directory.path("none")], status: 64, word: "[config.unreadable]"),
      Failing(arguments: [plan, "--nonsense"], status: 64, word: "--nonsense"),
      Failing(
        arguments: [broken, "--port", "0", "--grpc-port", "off", "--log-level", "error"], status: 66,
        word: "[serve.plan]"),
      Failing(
        arguments: [directory.path("none.plan"), "--port", "0", "--grpc-port", "off", "--log-level", "error"],
        status: 66, word: "none.plan"),
      Failing(
        arguments: [plan, "--host", "203.0.113.1", "--port", "0", "--grpc-port", "off"], status: 69, word: "error"),
    ]
    for bad in cases {
      let outcome = try await Daemon(bad.arguments, environment: bad.environment).end()
      #expect(outcome.status == bad.status, "\(bad.arguments): \(outcome.log)")
      #expect(outcome.log.contains { $0.contains(bad.word) }, "\(bad.arguments): \(outcome.log)")
      #expect(!outcome.log.contains { $0.contains("secret") }, "\(bad.arguments)")
    }
  }
}
