import InferenceServer
import ServingTestSupport
import Testing

@testable import InferenceServerHTTP

@Suite("Connections over HTTP")
struct ConnectionTests {
  private func statuses(
    _ pieces: [[UInt8]], closes: Bool = false, configure: (inout HTTPConfiguration) -> Void = { _ in }
  ) async throws -> [Int] {
    let folder = try ServedFolder()
    var out: [Int] = []
    try await withLoopback(folder.service, configure) { port async throws in
      let bytes = try await RawConnection.exchange(port: port, pieces, closes: closes)
      out = try HTTPAnswer.all(bytes).map(\.status)
    }
    #expect(folder.service.budget.usedBytes == 0)
    return out
  }

  private let live = httpRequest("GET", "/v2/health/live", closes: false)
  private let last = httpRequest("GET", "/v2/health/live")

  @Test("serve request after request, also in one piece and byte by byte")
  func keepAlive() async throws {
    #expect(try await statuses([live, live, last]) == [200, 200, 200])
    #expect(try await statuses([live + live + last]) == [200, 200, 200])
    #expect(try await statuses((live + last).map { [$0] }) == [200, 200])
    let infer = httpRequest("POST", "/v2/models/small/infer", body: inferBody(), closes: false)
    #expect(try await statuses([infer + last]) == [200, 200])
  }

  @Test("end when the client has closed its side, after the answer")
  func closes() async throws {
    #expect(try await statuses([live], closes: true) == [200])
    let infer = httpRequest("POST", "/v2/models/small/infer", body: inferBody(), closes: false)
    #expect(try await statuses([Array(infer.dropLast(10))], closes: true).allSatisfy { $0 >= 400 })
    #expect(try await statuses([], closes: true) == [])
  }

  @Test("of HTTP/1.0 end after one answer")
  func oldVersion() async throws {
    let bytes = Array("GET /v2/health/live HTTP/1.0\r\n\r\n".utf8)
    #expect(try await statuses([bytes + live]) == [200])
  }

  @Test("read bodies in chunks, and what is malformed is refused")
  func chunks() async throws {
    func request(_ body: String) -> [UInt8] {
      httpRequest(
        "POST", "/v2/repository/index", headers: ["Transfer-Encoding: chunked"], body: Array(body.utf8))
    }
    #expect(try await statuses([request("2\r\n{}\r\n1;x=y\r\n \r\n0\r\n\r\n")]) == [200])
    #expect(try await statuses([request("zz\r\n{}\r\n0\r\n\r\n")]) == [400])
  }

  @Test("let clients ask before they send a body")
  func expectContinue() async throws {
    let infer = httpRequest("POST", "/v2/models/small/infer", headers: ["Expect: 100-continue"], body: inferBody())
    #expect(try await statuses([infer]) == [100, 200])
    let wrong = httpRequest(
      "POST", "/v2/models/none/infer", headers: ["Expect: 100-continue"], body: [1], closes: false)
    #expect(try await statuses([wrong]) == [404])
  }

  @Test(
    "with malformed heads are refused",
    arguments: [
      "GARBAGE\r\n\r\n", "GET /v2\r\n\r\n", "GET /v2 HTTP/9.9\r\n\r\n", "GET /v2 HTTP/1.1\r\nBad Header: x\r\n\r\n",
      "POST /v2/repository/index HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST /v2/repository/index HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ])
  func malformed(_ head: String) async throws {
    #expect(try await statuses([Array(head.utf8)]).allSatisfy { (400..<500).contains($0) })
  }

  @Test("with endless heads are refused")
  func endlessHeads() async throws {
    let long = httpRequest("GET", "/v2", headers: ["X-Long: " + String(repeating: "x", count: 100_000)])
    #expect(try await !statuses([long]).contains(200))
    let many = httpRequest("GET", "/v2", headers: (0..<200).map { "X-\($0): y" })
    #expect(try await !statuses([many]).contains(200))
  }

  @Test("with bodies over the limit are refused by the head, by what came, and by what it inflates to")
  func bodyLimit() async throws {
    let path = "/v2/models/small/infer"
    func limited(_ request: [UInt8]) async throws -> [Int] { try await statuses([request]) { $0.maxBodyBytes = 1000 } }
    #expect(try await limited(httpRequest("POST", path, headers: ["Content-Length: 1001"], body: [])) == [413])
    let chunked = Array("3e9\r\n".utf8) + [UInt8](repeating: 32, count: 1001) + Array("\r\n0\r\n\r\n".utf8)
    #expect(
      try await limited(httpRequest("POST", path, headers: ["Transfer-Encoding: chunked"], body: chunked)) == [413])
    let bomb = try #require(Deflater.compress([UInt8](repeating: 0, count: 100_000), .gzip))
    #expect(bomb.count < 1000)
    #expect(try await limited(httpRequest("POST", path, headers: ["Content-Encoding: gzip"], body: bomb)) == [413])
  }

  @Test("with bodies over the memory for all are refused")
  func budget() async throws {
    let folder = try ServedFolder(maxBufferedBytes: 1000)
    try await withLoopback(folder.service) { port async throws in
      let answer = try await httpExchange(port: port, "POST", "/v2/models/small/infer", body: inferBody())
      #expect(answer.status == 503 && answer.text.contains("max_buffered"))
    }
    #expect(folder.service.budget.usedBytes == 0)
  }

  @Test("that send nothing, half a head or half a body in their time are answered with 408")
  func timeouts() async throws {
    #expect(try await statuses([]) { $0.headSeconds = 1 } == [408])
    #expect(try await statuses([Array("GET /v2 HT".utf8)]) { $0.headSeconds = 1 } == [408])
    let slow = httpRequest("POST", "/v2/models/small/infer", headers: ["Content-Length: 50"], body: [1])
    #expect(try await statuses([slow]) { $0.bodySeconds = 1 } == [408])
  }

  @Test("that are idle are closed")
  func idle() async throws { #expect(try await statuses([live]) { $0.idleSeconds = 1 } == [200]) }
}
