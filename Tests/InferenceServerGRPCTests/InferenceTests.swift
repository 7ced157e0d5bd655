import Foundation
import GRPCCore
import GRPCProtobuf
import InferenceServer
import PlanRuntime
import ServingTestSupport
import Testing

@testable import InferenceServerGRPC

@Suite("Inference over gRPC")
struct InferenceTests {
  @Test("gives what a run gives, from raw bytes and from values, compressed and not")
  func results() async throws {
    let folder = try ServedFolder()
    let run = ServedPlan.request(ServedPlan.model())
    let expected = try ServedPlan.expected(run).withUnsafeBytes { Data($0) }
    try await withLoopback(folder.service) { client async throws in
      let response = try await client.infer(.picture())
      #expect(response.modelName == "small" && response.modelVersion == "3" && response.id == "q-1")
      #expect(response.outputs.map(\.name) == ["output"] && response.outputs[0].datatype == "FP32")
      #expect(response.outputs[0].shape == [1, 3, 24, 32])
      #expect(response.rawOutputContents == [expected])
      let older = try await client.infer(
        .picture {
          $0.modelVersion = "1"
          $0.rawInputContents = []
          $0.inputs[0].contents.fp32Contents = run.planes
          $0.inputs[0].shape = [3, 24, 32]
          $0.outputs = [.with { $0.name = "output" }]
          $0.parameters = ["priority": .with { $0.uint64Param = 1 }, "timeout": .with { $0.int64Param = 60_000_000 }]
        })
      #expect(older.modelVersion == "1" && older.outputs[0].shape == [3, 24, 32])
      #expect(older.rawOutputContents == [expected])
      for algorithm in [CompressionAlgorithm.gzip, .deflate] {
        var options = CallOptions.defaults
        options.compression = algorithm
        #expect(try await client.infer(.picture(), options: options).rawOutputContents == [expected])
      }
    }
  }

  private static let refusals: [(String, RPCError.Code, @Sendable (inout Inference_ModelInferRequest) -> Void)] = [
    ("an unknown model", .notFound, { $0.modelName = "none" }),
    ("an unknown version", .notFound, { $0.modelVersion = "2" }),
    ("a model that does not open", .unavailable, { $0.modelName = "broken" }),
    ("no input", .invalidArgument, { $0.inputs = [] }),
    ("two inputs", .invalidArgument, { $0.inputs.append($0.inputs[0]) }),
    ("an unknown input", .invalidArgument, { $0.inputs[0].name = "x" }),
    ("another type", .invalidArgument, { $0.inputs[0].datatype = "FP16" }),
    ("a shape of two sizes", .invalidArgument, { $0.inputs[0].shape = [24, 32] }),
    ("a batch", .invalidArgument, { $0.inputs[0].shape = [2, 3, 12, 32] }),
    ("a size of zero", .invalidArgument, { $0.inputs[0].shape = [1, 3, 0, 32] }),
    ("a negative size", .invalidArgument, { $0.inputs[0].shape = [1, 3, -24, -32] }),
    ("an endless side", .resourceExhausted, { $0.inputs[0].shape = [1, 3, .max, .max] }),
    ("a shape of other bytes", .invalidArgument, { $0.inputs[0].shape = [1, 3, 24, 33] }),
    ("no values", .invalidArgument, { $0.rawInputContents = [] }),
    ("values twice", .invalidArgument, { $0.inputs[0].contents.fp32Contents = [1] }),
    ("raw bytes twice", .invalidArgument, { $0.rawInputContents.append($0.rawInputContents[0]) }),
    ("half a value", .invalidArgument, { $0.rawInputContents[0].removeLast() }),
    (
      "values of another type", .invalidArgument,
      {
        $0.rawInputContents = []
        $0.inputs[0].contents.int64Contents = [1]
      }
    ),
    ("two outputs", .invalidArgument, { $0.outputs = [.with { $0.name = "output" }, .with { $0.name = "output" }] }),
    ("an unknown output", .invalidArgument, { $0.outputs = [.with { $0.name = "x" }] }),
    (
      "a classification", .invalidArgument,
      {
        $0.outputs = [
          .with {
            $0.name = "output"; $0.parameters = ["classification": .with { $0.int64Param = 3 }]
          }
        ]
      }
    ),
    ("a sequence", .invalidArgument, { $0.parameters = ["sequence_id": .with { $0.int64Param = 3 }] }),
    ("a negative timeout", .invalidArgument, { $0.parameters = ["timeout": .with { $0.int64Param = -1 }] }),
    ("a priority in words", .invalidArgument, { $0.parameters = ["priority": .with { $0.stringParam = "high" }] }),
    ("an id with control characters", .invalidArgument, { $0.id = "a\u{1}" }),
    ("an endless id", .invalidArgument, { $0.id = String(repeating: "x", count: 2000) }),
    ("a timeout that has passed", .deadlineExceeded, { $0.parameters = ["timeout": .with { $0.uint64Param = 1 }] }),
  ]

  @Test("refuses what is wrong with the status for it, and serves the next request")
  func refuses() async throws {
    let folder = try ServedFolder()
    try await withLoopback(folder.service) { client async throws in
      for (what, code, change) in Self.refusals {
        let refusal = await status { _ = try await client.infer(.picture(change)) }
        #expect(refusal?.code == code, "\(what): \(String(describing: refusal))")
        #expect(refusal.map { !$0.message.isEmpty && $0.message.utf8.count < 600 } == true, "\(what)")
      }
      _ = try await client.infer(.picture())
    }
    #expect(folder.service.scheduler.figures.accepted == 0)
    #expect(folder.service.budget.usedBytes == 0)
  }

  @Test("refuses pictures over the memory there is")
  func memory() async throws {
    let limit = try ServedPlan.byteCount(height: 24, width: 32, threads: 2)
    let folder = try ServedFolder(maxMemory: limit)
    try await withLoopback(folder.service) { client async throws in
      _ = try await client.infer(.picture())
      let refusal = await status { _ = try await client.infer(.picture(height: 256, width: 256)) }
      #expect(refusal?.code == .resourceExhausted && refusal?.message.contains("MiB") == true)
    }
  }

  @Test("refuses messages over the limit of their size, and over that of all")
  func messageSizes() async throws {
    let folder = try ServedFolder(maxBufferedBytes: 1 << 20)
    try await withLoopback(folder.service, maxMessageBytes: 200_000) { client async throws in
      _ = try await client.infer(.picture())
      #expect(
        await status { _ = try await client.infer(.picture(height: 128, width: 256)) }?.code == .resourceExhausted)
    }
    try await withLoopback(folder.service) { client async throws in
      let refusal = await status { _ = try await client.infer(.picture(height: 512, width: 512)) }
      #expect(refusal?.code == .resourceExhausted)
      #expect(Self.retryInfo(refusal) == .seconds(1))
      _ = try await client.infer(.picture())
    }
    #expect(folder.service.budget.usedBytes == 0)
  }

  private static func retryInfo(_ error: RPCError?) -> Duration? {
    guard let details = try? error?.unpackGoogleRPCStatus()?.details else { return nil }
    return details.lazy.compactMap { $0.retryInfo?.delay }.first
  }

  @Test("says when to come back while the queue is full, and while the server ends")
  func retries() async throws {
    let folder = try ServedFolder(queue: 1)
    try await withLoopback(folder.service) { client async throws in
      let place = try folder.service.scheduler.admit()
      let full = await status { _ = try await client.infer(.picture()) }
      #expect(full?.code == .resourceExhausted)
      #expect(Self.retryInfo(full).map { $0 >= .seconds(1) } == true)
      _ = consume place
      _ = try await client.infer(.picture())
      folder.service.scheduler.beginDrain()
      let ending = await status { _ = try await client.infer(.picture()) }
      #expect(ending?.code == .unavailable)
      #expect(Self.retryInfo(ending).map { $0 >= .seconds(1) } == true)
    }
  }
}

@Suite("What gRPC's headers and statuses say")
struct GatekeeperTests {
  @Test("deadlines are read in all units")
  func deadlines() throws {
    for (text, nanoseconds) in [
      ("2H", 7_200_000_000_000 as UInt64), ("3M", 180_000_000_000), ("99999999S", 99_999_999_000_000_000),
      ("5m", 5_000_000), ("7u", 7000), ("9n", 9), ("0S", 0),
    ] {
      let before = RunControl.now()
      let deadline = try #require(Gatekeeper.deadline(["grpc-timeout": "\(text)"]), "\(text)")
      let after = RunControl.now()
      #expect(deadline >= before + nanoseconds && deadline <= after + nanoseconds, "\(text)")
    }
  }

  @Test("deadlines that are none are left out", arguments: ["", "S", "5", "5x", "-5S", "100000000S", "1.5S", "5 S"])
  func noDeadlines(_ text: String) { #expect(Gatekeeper.deadline(["grpc-timeout": "\(text)"]) == nil) }

  @Test(
    "errors have a status each, and a time to come back only where that helps", arguments: ServingError.Kind.allCases)
  func statuses(_ kind: ServingError.Kind) throws {
    let expected: [ServingError.Kind: RPCError.Code] = [
      .invalid: .invalidArgument, .unsupportedMedia: .invalidArgument, .notFound: .notFound,
      .tooLarge: .resourceExhausted, .overloaded: .resourceExhausted, .unauthorized: .unauthenticated,
      .forbidden: .permissionDenied, .deadline: .deadlineExceeded, .unavailable: .unavailable, .cancelled: .cancelled,
      .internal: .internalError,
    ]
    let error = ServingError(kind, "Words.", retryAfter: 7).rpcError
    #expect(error.rpcErrorCode == expected[kind] && error.rpcErrorMessage == "Words.")
    let status = error as? GoogleRPCStatus
    #expect((status != nil) == [.overloaded, .unavailable].contains(kind))
    if let status { #expect(status.details.first?.retryInfo?.delay == .seconds(7)) }
  }
}
