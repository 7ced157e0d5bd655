import Foundation
import Imaging
import InferenceServer
import ServingTestSupport
import TestSupport
import Testing

@testable import InferenceServerHTTP

@Suite("Routes over HTTP")
struct RoutesTests {
  struct Exchange: Sendable, CustomTestStringConvertible {
    let method: String
    let path: String
    var headers: [String] = []
    var body: [UInt8]?
    let status: Int
    /// What the answer's body contains.
    let text: String

    var testDescription: String { "\(method) \(path)" }
  }

  static let answers = [
    Exchange(method: "GET", path: "/", status: 200, text: "<html"),
    Exchange(method: "GET", path: "/favicon.ico", status: 204, text: ""),
    Exchange(method: "GET", path: "/v2", status: 200, text: #""name":"evssmd""#),
    Exchange(method: "GET", path: "/v2/health/live", status: 200, text: #"{"live":true}"#),
    Exchange(method: "GET", path: "/v2/health/ready", status: 200, text: #"{"ready":true}"#),
    Exchange(method: "GET", path: "/v2/models/small", status: 200, text: #""versions":["1","3"]"#),
    Exchange(method: "GET", path: "/v2/models/small/versions/1", status: 200, text: #""name":"small""#),
    Exchange(method: "GET", path: "/v2/models/small/ready", status: 200, text: #""ready":true"#),
    Exchange(method: "GET", path: "/v2/models/small/config", status: 200, text: "TYPE_FP32"),
    Exchange(method: "GET", path: "/v2/models/small/stats", status: 200, text: #""version":"3""#),
    Exchange(method: "GET", path: "/v2/models/small/versions/1/stats", status: 200, text: #""version":"1""#),
    Exchange(method: "GET", path: "/v2/models/stats", status: 200, text: "model_stats"),
    Exchange(method: "GET", path: "/metrics", status: 200, text: "evssm_http_connections 1"),
    Exchange(method: "POST", path: "/v2/repository/index", status: 200, text: #""state":"UNAVAILABLE""#),
    Exchange(
      method: "POST", path: "/v2/repository/index", body: Array(#"{"ready":true}"#.utf8), status: 200, text: "small"),
  ]

  static let refusals = [
    Exchange(method: "GET", path: "/nothing", status: 404, text: "error"),
    Exchange(method: "GET", path: "/v2/%2e%2e/metrics", status: 404, text: "error"),
    Exchange(method: "POST", path: "/metrics", body: [], status: 405, text: "GET, HEAD"),
    Exchange(method: "DELETE", path: "/v2/models/small", status: 405, text: "GET, HEAD"),
    Exchange(method: "GET", path: "/v1/restore", status: 405, text: "POST"),
    Exchange(method: "GET", path: "/" + String(repeating: "a", count: 9000), status: 414, text: "too long"),
    Exchange(method: "GET", path: "/v2/models/none", status: 404, text: "no model"),
    Exchange(method: "GET", path: "/v2/models/small/versions/2", status: 404, text: "no version"),
    Exchange(method: "GET", path: "/v2/models/small/versions/01", status: 404, text: "no version"),
    Exchange(method: "GET", path: "/v2/models/broken/ready", status: 503, text: "not loaded"),
    Exchange(method: "GET", path: "/v2/models/none/stats", status: 404, text: "no model"),
    Exchange(method: "POST", path: "/v2/repository/models/none/load", status: 404, text: "no model"),
    Exchange(method: "POST", path: "/v2/repository/models/broken/load", status: 400, text: "cannot be opened"),
    Exchange(method: "POST", path: "/v2/models/small/infer", body: [], status: 400, text: "empty"),
    Exchange(method: "POST", path: "/v2/models/small/infer", body: Array("{".utf8), status: 400, text: "error"),
    Exchange(method: "POST", path: "/v2/models/none/infer", body: [], status: 404, text: "no model"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer", headers: ["Content-Type: text/plain"], body: inferBody(),
      status: 415, text: "Content-Type"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer", headers: ["Content-Encoding: br"], body: inferBody(), status: 415,
      text: "gzip"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer", headers: ["Content-Encoding: gzip"], body: inferBody(),
      status: 400, text: "damaged"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer", headers: ["Inference-Header-Content-Length: 1x"],
      body: inferBody(), status: 400, text: "one number"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer",
      headers: ["Inference-Header-Content-Length: 1", "Inference-Header-Content-Length: 2"], body: inferBody(),
      status: 400, text: "one number"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer", body: inferBody(height: 24, width: 4), status: 400,
      text: "error"),
    Exchange(
      method: "POST", path: "/v2/models/small/infer", body: inferBody(more: #","parameters":{"timeout":1}"#),
      status: 504, text: "deadline"),
    Exchange(method: "POST", path: "/v1/restore", body: [1, 2, 3], status: 400, text: "error"),
    Exchange(method: "POST", path: "/v1/restore?model=none", body: [], status: 404, text: "no model"),
    Exchange(method: "POST", path: "/v1/restore?format=gif", body: [], status: 400, text: "png or jpeg"),
    Exchange(method: "POST", path: "/v1/restore?quality=0", body: [], status: 400, text: "quality"),
    Exchange(method: "POST", path: "/v1/restore?quality=x", body: [], status: 400, text: "quality"),
    Exchange(method: "POST", path: "/v1/restore?timeout=-1", body: [], status: 400, text: "timeout"),
    Exchange(method: "POST", path: "/v1/restore?timeout=inf", body: [], status: 400, text: "timeout"),
    Exchange(
      method: "POST", path: "/v1/restore", headers: ["Content-Type: multipart/form-data; boundary=x"], body: [],
      status: 415, text: "form"),
  ]

  private func check(_ exchanges: [Exchange]) async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { port async throws in
      for wanted in exchanges {
        let answer = try await httpExchange(
          port: port, wanted.method, wanted.path, headers: wanted.headers, body: wanted.body)
        let comment: Comment = "\(wanted.method) \(wanted.path.prefix(80)): \(answer.status) \(answer.text.prefix(300))"
        #expect(answer.status == wanted.status, comment)
        #expect(wanted.text.isEmpty || answer.text.contains(wanted.text), comment)
        #expect(answer.headers["server"] == "evssmd" && answer.headers["date"]?.hasSuffix(" GMT") == true, comment)
        #expect(answer.headers["x-request-id"]?.isEmpty == false, comment)
        #expect((answer.headers["retry-after"] != nil) == (answer.status == 503), comment)
        #expect((answer.headers["allow"] != nil) == (answer.status == 405), comment)
        if answer.status >= 400 { #expect(try answer.json()["error"] is String, comment) }
      }
    }
    #expect(folder.service.scheduler.figures.accepted == 0 && folder.service.budget.usedBytes == 0)
  }

  @Test("answer") func good() async throws { try await check(Self.answers) }

  @Test("refuse, and say why in JSON") func bad() async throws { try await check(Self.refusals) }

  @Test("to the page forbid it everything from elsewhere")
  func page() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { port async throws in
      let answer = try await httpExchange(port: port, "GET", "/")
      #expect(answer.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
      let head = try await httpExchange(port: port, "HEAD", "/")
      #expect(head.status == 200 && head.body.isEmpty)
      #expect(head.headers["content-length"] == "\(answer.body.count)")
    }
  }

  @Test("keep a client's request id if a log can bear it")
  func requestID() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { port async throws in
      let kept = try await httpExchange(port: port, "GET", "/v2", headers: ["X-Request-Id: a-1"])
      #expect(kept.headers["x-request-id"] == "a-1")
      let made = try await httpExchange(port: port, "GET", "/v2", headers: ["X-Request-Id: a b"])
      #expect(made.headers["x-request-id"] != "a b")
    }
  }

  @Test("load and unload models, where that is not switched off")
  func repository() async throws {
    let folder = try ServedFolder(hasBroken: false)
    try await withLoopback(folder.service) { port async throws in
      #expect(try await httpExchange(port: port, "POST", "/v2/repository/models/small/unload").text == "{}")
      let gone = try await httpExchange(port: port, "GET", "/v2/models/small")
      #expect(gone.status == 503 && gone.headers["retry-after"] == "1")
      #expect(try await httpExchange(port: port, "POST", "/v1/restore", body: [1]).status == 503)
      #expect(try await httpExchange(port: port, "POST", "/v2/repository/models/small/load", body: []).status == 200)
      #expect(try await httpExchange(port: port, "GET", "/v2/models/small").status == 200)
      try ServedFolder.addVersion(1, of: "other", in: folder.directory)
      #expect(try await httpExchange(port: port, "POST", "/v2/repository/models/other/load").status == 200)
      let ambiguous = try await httpExchange(port: port, "POST", "/v1/restore", body: [1])
      #expect(ambiguous.status == 400 && ambiguous.text.contains("other, small"))
    }
    try await withLoopback(folder.service, { $0.isRepositoryOpen = false }) { port async throws in
      for verb in ["load", "unload"] {
        #expect(try await httpExchange(port: port, "POST", "/v2/repository/models/small/\(verb)").status == 403)
      }
      #expect(try await httpExchange(port: port, "POST", "/v2/repository/index").status == 200)
    }
  }

  @Test("ask for the token, health checks and the page aside")
  func token() async throws {
    let folder = try ServedFolder()
    let token = "0123456789abcdef"
    try await withLoopback(folder.service, { $0.token = token }) { port async throws in
      for path in ["/", "/v2/health/live", "/v2/health/ready"] {
        #expect(try await httpExchange(port: port, "GET", path).status == 200, "\(path)")
      }
      for path in ["/v2", "/metrics", "/v2/models/small"] {
        for headers in [[], ["Authorization: Bearer x"], ["Authorization: \(token)"]] {
          let refused = try await httpExchange(port: port, "GET", path, headers: headers)
          #expect(refused.status == 401 && refused.headers["www-authenticate"] == "Bearer", "\(path)")
        }
        let headers = ["Authorization: Bearer \(token)"]
        #expect(try await httpExchange(port: port, "GET", path, headers: headers).status == 200, "\(path)")
      }
    }
  }
}

@Suite("Inference and restoring over HTTP")
struct HTTPInferenceTests {
  private func floats(_ bytes: some Collection<UInt8>) -> [Float] {
    Array(bytes).withUnsafeBytes { [Float](littleEndian: $0) }
  }

  @Test("give what a run gives, in JSON and in bytes, compressed and not")
  func results() async throws {
    let folder = try ServedFolder()
    let run = ServedPlan.request(ServedPlan.model())
    let expected = try ServedPlan.expected(run)
    try await withLoopback(folder.service) { port async throws in
      let path = "/v2/models/small/infer"
      let plain = try await httpExchange(port: port, "POST", path, body: inferBody())
      let output = try #require((plain.json()["outputs"] as? [[String: Any]])?.first)
      #expect(try plain.json()["model_version"] as? String == "3" && plain.json()["id"] as? String == "q-1")
      #expect((output["data"] as? [Double])?.map(Float.init) == expected)
      for (name, encoding) in [("gzip", ContentEncoding.gzip), ("deflate", .deflate)] {
        let packed = try #require(Deflater.compress(inferBody(), encoding))
        let answer = try await httpExchange(
          port: port, "POST", path, headers: ["Content-Encoding: \(name)", "Accept-Encoding: br, \(name)"], body: packed
        )
        #expect(answer.status == 200 && answer.headers["content-encoding"] == name)
        let inflater = try Inflater(encoding)
        var bytes: [UInt8] = []
        try answer.body.withUnsafeBytes { try inflater.inflate($0, into: &bytes, limit: 1 << 20) { _ in } }
        try inflater.finish()
        #expect(bytes == plain.body)
      }
      let more = #","outputs":[{"name":"output","parameters":{"binary_data":true}}]"#
      let binary = try await httpExchange(port: port, "POST", path, body: inferBody(more: more))
      let length = try #require(binary.headers["inference-header-content-length"].flatMap { Int($0) })
      #expect(floats(binary.body.dropFirst(length)).map(\.bitPattern) == expected.map(\.bitPattern))
      let input = #"{"name":"input","datatype":"FP32","shape":[3,24,32],"parameters":{"binary_data_size":9216}}"#
      let head = Array(#"{"inputs":[\#(input)],"parameters":{"binary_data_output":true}}"#.utf8)
      let raw = head + run.planes.withUnsafeBytes { Array($0) }
      let both = try await httpExchange(
        port: port, "POST", path, headers: ["Inference-Header-Content-Length: \(head.count)"], body: raw)
      #expect(both.status == 200 && floats(both.body.suffix(9216)).map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test("restore pictures, in the format asked for")
  func restore() async throws {
    let folder = try ServedFolder()
    let run = ServedPlan.request(ServedPlan.model())
    let picture = try Picture(planes: run.planes, width: 32, height: 24)
    let png = try picture.encoded(as: .png)
    try await withLoopback(folder.service) { port async throws in
      let same = try await httpExchange(port: port, "POST", "/v1/restore", body: png)
      #expect(same.status == 200 && same.headers["content-type"] == "image/png")
      #expect(same.headers["x-infer-seconds"].flatMap { Double($0) } != nil)
      let input = try Picture(bytes: png).planes()
      let expected = try ServedPlan.expected(.init(model: ServedPlan.model(), height: 24, width: 32, planes: input))
      #expect(try same.body == Picture(planes: expected, width: 32, height: 24).encoded(as: .png))
      let other = try await httpExchange(
        port: port, "POST", "/v1/restore?model=small&version=1&format=jpeg&quality=80&timeout=1000", body: png)
      #expect(other.headers["content-type"] == "image/jpeg")
      #expect(try Picture(bytes: other.body).width == 32)
    }
  }

  @Test("are refused at once while the queue is full or the server ends, with a time to come back")
  func refusedEarly() async throws {
    let folder = try ServedFolder(queue: 1)
    try await withLoopback(folder.service) { port async throws in
      let place = try folder.service.scheduler.admit()
      for path in ["/v2/models/small/infer", "/v1/restore?model=small"] {
        // The second asks first, and is answered by the other way.
        for headers in [["X-Request-Id: id-7"], ["X-Request-Id: id-7", "Expect: 100-continue"]] {
          let full = try await httpExchange(port: port, "POST", path, headers: headers, body: [1])
          #expect(full.status == 503 && full.text.contains("queue is full"), "\(path)")
          #expect((Int(full.headers["retry-after"] ?? "") ?? 0) >= 1, "\(path)")
          #expect(full.headers["x-request-id"] == "id-7" && full.headers["date"]?.hasSuffix("GMT") == true, "\(path)")
        }
      }
      #expect(try await httpExchange(port: port, "GET", "/v2/health/ready").status == 200)
      _ = consume place
      #expect(try await httpExchange(port: port, "POST", "/v2/models/small/infer", body: inferBody()).status == 200)
      folder.service.scheduler.beginDrain()
      let ending = try await httpExchange(port: port, "POST", "/v2/models/small/infer", body: inferBody())
      #expect(ending.status == 503 && ending.text.contains("shutting down"))
      #expect(try await httpExchange(port: port, "GET", "/v2/health/ready").status == 503)
    }
    let figures = try folder.service.repository.model("small").statistics.snapshot
    #expect(figures.failures[.rejected] == 5)
  }

  @Test("are counted in the metrics")
  func metrics() async throws {
    let folder = try ServedFolder()
    let registry = PrometheusRegistry()
    registry.makeCounter(label: "a.b", dimensions: [("k", "v\"\n\\")]).increment(by: Int64(2))
    registry.makeCounter(label: "a.b", dimensions: [("k", "v\"\n\\")]).increment(by: Int64(3))
    let gauge = registry.makeRecorder(label: "gauge", dimensions: [], aggregate: false)
    gauge.record(Int64(7))
    gauge.record(1.5 as Double)
    registry.makeRecorder(label: "sum", dimensions: [], aggregate: true).record(4 as Double)
    registry.makeTimer(label: "timer", dimensions: []).recordNanoseconds(500_000_000)
    let meter = registry.makeMeter(label: "meter", dimensions: [])
    meter.set(3 as Double)
    meter.increment(by: 2)
    meter.decrement(by: 1)
    let reset = registry.makeCounter(label: "reset", dimensions: [])
    reset.increment(by: Int64(9))
    reset.reset()
    try await withLoopback(folder.service, prometheus: registry) { port async throws in
      _ = try await httpExchange(port: port, "POST", "/v2/models/small/infer", body: inferBody())
      let answer = try await httpExchange(port: port, "GET", "/metrics")
      #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let lines = Set(answer.text.split(separator: "\n").map(String.init))
      for line in [
        #"nv_inference_request_success{model="small",version="3"} 1"#, #"a_b{k="v\"\n\\"} 5"#, "gauge 1.5", "sum_sum 4",
        "sum_count 1", "timer_sum 0.5", "timer_count 1", "meter 4", "reset 0", "# TYPE timer summary",
        "evssm_buffered_bytes 0",
      ] {
        #expect(lines.contains(line), "\(line)")
      }
    }
  }
}
