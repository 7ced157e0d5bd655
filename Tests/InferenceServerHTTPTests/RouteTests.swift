import HTTPTypes
import InferenceServer
import Testing

@testable import InferenceServerHTTP

@Suite("Paths")
struct RouteTests {
  @Test(
    "lead to routes",
    arguments: [
      ("/", Route.page), ("/v2", .server), ("/v2/health/live", .live), ("/v2/health/ready", .ready),
      ("/metrics", .metrics),
      ("/v2/models/a", .model("a", version: nil)), ("/v2/models/a/versions/3", .model("a", version: "3")),
      ("/v2/models/a/ready", .modelReady("a", version: nil)), ("/v2/models/a/infer", .infer("a", version: nil)),
      ("/v2/models/a/versions/3/infer", .infer("a", version: "3")),
      ("/v2/models/a%2Db/infer", .infer("a-b", version: nil)),
      ("/v2/models/stats", .statistics(model: nil, version: nil)),
      ("/v2/models/a/stats", .statistics(model: "a", version: nil)),
      ("/v2/repository/index", .repositoryIndex), ("/v2/repository/models/a/load", .repositoryLoad("a")),
      ("/v2/repository/models/a/unload", .repositoryUnload("a")), ("/v1/restore", .restore),
    ])
  func routes(_ path: String, _ route: Route) { #expect(Route(path: path[...]) == route) }

  @Test(
    "lead nowhere",
    arguments: [
      "", "*", "v2", "http://x/v2", "//v2", "/v2/", "/v2//health/live", "/v2/health", "/v2/../metrics",
      "/v2/%2e%2e/metrics",
      "/v2/models", "/v2/models/a/", "/v2/models/a/versions", "/v2/models/a/versions/1/x", "/v2/models/%00",
      "/v2/models/%",
      "/v2/models/%zz", "/v2/models/%c0%ae", "/v2/repository/models/a", "/v1", "/v1/restore/x",
    ])
  func nowhere(_ path: String) { #expect(Route(path: path[...]) == nil) }

  @Test("have queries")
  func queries() {
    let query = Query("a=1&b=%20x&a=2&c&d=%zz")
    #expect(query["a"] == "1" && query["b"] == " x" && query["c"] == "" && query["d"] == nil)
  }
}

@Suite("Compressed bodies")
struct CompressionTests {
  private func inflate(_ bytes: [UInt8], _ encoding: ContentEncoding, limit: Int, pieces: Int) throws -> [UInt8] {
    let inflater = try Inflater(encoding)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes {
        try inflater.inflate($0, into: &out, limit: limit) { _ in }
      }
    }
    try inflater.finish()
    return out
  }

  @Test("come out as they went in, in pieces of any size", arguments: [1, 7, 4096, 1 << 20])
  func roundTrip(pieces: Int) throws {
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    for encoding in [ContentEncoding.gzip, .deflate] {
      let packed = try #require(Deflater.compress(bytes, encoding))
      #expect(try inflate(packed, encoding, limit: bytes.count, pieces: pieces) == bytes)
      #expect(throws: ServingError.self) { try inflate(packed, encoding, limit: bytes.count - 1, pieces: pieces) }
      #expect(throws: ServingError.self) { try inflate(packed + [0], encoding, limit: bytes.count, pieces: pieces) }
      #expect(throws: ServingError.self) {
        try inflate(packed.dropLast(), encoding, limit: bytes.count, pieces: pieces)
      }
      #expect(throws: ServingError.self) { try inflate(bytes, encoding, limit: bytes.count, pieces: pieces) }
    }
  }

  @Test("are of kinds that are read, or refused")
  func kinds() throws {
    #expect(throws: ServingError.self) { try ContentEncoding([.contentEncoding: "br"]) }
    #expect(throws: ServingError.self) { try ContentEncoding([.contentEncoding: "gzip, gzip"]) }
    #expect(try ContentEncoding([.contentEncoding: "GZIP"]) == .gzip)
    #expect(try ContentEncoding([:]) == .identity)
  }
}

@Suite("Bearer tokens")
struct BearerTokenTests {
  @Test("match as a whole")
  func matches() {
    #expect(BearerToken.matches(Array("Bearer abc".utf8), "abc"))
    for wrong in ["", "Bearer", "Bearer ", "Bearer ab", "Bearer abcd", "bearer abc", "Bearer abd"] {
      #expect(!BearerToken.matches(Array(wrong.utf8), "abc"))
    }
  }
}
