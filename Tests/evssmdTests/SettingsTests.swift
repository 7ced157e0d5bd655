import InferenceServer
import Logging
import TestSupport
import Tensors
import Testing

@testable import evssmd

@Suite("The server's settings")
struct SettingsTests {
  private func options(
    _ flags: [Setting: String] = [:], file: String? = nil, plans: [String] = ["x/a.plan"]
  ) async throws -> ServerOptions {
    try ServerOptions(await Settings(flags: flags, file: file), plans: plans)
  }

  private func refusal(_ flags: [Setting: String], file: String? = nil, plans: [String] = ["a.plan"]) async
    -> EVSSMError?
  {
    do { _ = try await options(flags, file: file, plans: plans) } catch { return error as? EVSSMError }
    return nil
  }

  @Test("have the defaults that the help names")
  func defaults() async throws {
    let options = try await options()
    #expect(options.sources == [.file(name: "a", path: "x/a.plan")])
    #expect(options.http.host == "127.0.0.1" && options.http.port == 8080 && options.grpcPort == 8081)
    #expect(options.http.maxBodyBytes == 256 << 20 && options.maxBufferedBytes == 1 << 30)
    #expect(options.http.maxConnections == 1024 && options.http.token == nil && options.http.isRepositoryOpen)
    #expect(options.scheduler.queue == 32 && options.scheduler.smallPixels == 262_144)
    #expect(options.scheduler.sessions == options.scheduler.threads)
    #expect(options.timeout == 0 && options.drainDelay == 0 && options.grace == 30)
    #expect(options.logLevel == .info && !options.isLogJSON && options.isLoopback)
  }

  @Test("are read from flags")
  func flags() async throws {
    let options = try await options(
      [
        .models: "m", .host: "0.0.0.0", .port: "0", .grpcPort: "off", .threads: "3", .sessions: "2", .queue: "5",
        .smallPicture: "0", .maxMemory: "3GiB", .maxBody: "1GiB", .maxConnections: "7", .timeout: "1.5",
        .drainDelay: "2", .grace: "0", .logLevel: "debug", .logFormat: "json", .token: "0123456789abcdef",
      ], plans: ["a.plan", "b"])
    #expect(options.sources == [.file(name: "a", path: "a.plan"), .file(name: "b", path: "b"), .folder("m")])
    #expect(options.http.port == 0 && options.grpcPort == nil && !options.isLoopback)
    #expect(options.scheduler.threads == 3 && options.scheduler.sessions == 2 && options.scheduler.queue == 5)
    #expect(options.scheduler.maxMemory == 3 << 30 && options.scheduler.smallPixels == 0)
    #expect(options.maxBufferedBytes == 2 << 30, "twice the body where that is more")
    #expect(options.timeout == 1.5 && options.drainDelay == 2 && options.grace == 0)
    #expect(options.logLevel == .debug && options.isLogJSON)
    #expect(options.http.isRepositoryOpen, "a token guards it")
    let grpc = options.grpc(port: 9)
    #expect(grpc.host == "0.0.0.0" && grpc.port == 9 && grpc.token == options.http.token)
    #expect(grpc.maxMessageBytes == options.http.maxBodyBytes && grpc.isRepositoryOpen)
  }

  @Test("open the repository where only friends are, unless told otherwise")
  func modelControl() async throws {
    for host in ["127.0.0.1", "::1", "localhost"] { #expect(try await options([.host: host]).http.isRepositoryOpen) }
    #expect(try await !options([.host: "0.0.0.0"]).http.isRepositoryOpen)
    #expect(try await options([.host: "0.0.0.0", .modelControl: "on"]).http.isRepositoryOpen)
    #expect(try await !options([.modelControl: "off"]).http.isRepositoryOpen)
  }

  @Test("are read from a file, which flags outweigh")
  func file() async throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file(
      "config.json",
      Array(#"{"port": 1234, "grace": 2.5, "max-body": "64MiB", "token": "abcdefghijklmnop", "queue": "9"}"#.utf8))
    let options = try await options([.queue: "4"], file: path)
    #expect(options.http.port == 1234 && options.grace == 2.5 && options.http.maxBodyBytes == 64 << 20)
    #expect(options.http.token == "abcdefghijklmnop" && options.scheduler.queue == 4)
    #expect(await refusal([:], file: directory.path("none"))?.code == "config.unreadable")
    let broken = try directory.file("broken.json", Array("{".utf8))
    let error = await refusal([:], file: broken)
    #expect(error?.code == "config.unreadable" && error?.place.file == broken && error?.category == .usage)
  }

  static let wrong: [(Setting, [String])] = [
    (.port, ["-1", "65536", "x", "", "80.0", " 80"]), (.grpcPort, ["-1", "65536", "on"]),
    (.threads, ["0", "257", "two"]), (.sessions, ["0", "257"]), (.queue, ["0", "100001"]), (.smallPicture, ["-1"]),
    (.maxMemory, ["0", "-1GiB", "1TB", "GiB", "9223372036854775807KiB"]), (.maxBody, ["0", "64 MiB", "1e6"]),
    (.maxBuffered, ["0"]), (.maxConnections, ["0"]), (.timeout, ["-1", "x", "nan", "inf", "1e7"]), (.grace, ["-0.1"]),
    (.drainDelay, ["soon"]), (.logLevel, ["loud", "INFO"]), (.logFormat, ["xml"]), (.modelControl, ["yes"]),
  ]

  @Test("that are wrong are refused by name", arguments: wrong)
  func refusals(_ setting: Setting, _ values: [String]) async {
    for value in values {
      let error = await refusal([setting: value])
      #expect(error?.code == "config.value" && error?.category == .usage, "\(setting) \(value)")
      #expect(error?.place.option == "--\(setting.rawValue)", "\(setting) \(value)")
    }
  }

  @Test("with tokens that are short, long or not printable are refused without a word of them")
  func tokens() async {
    for token in ["", "short", "0123456789 abcdef", "0123456789äbcdef", String(repeating: "x", count: 1025)] {
      let error = await refusal([.token: token])
      #expect(error?.code == "config.token")
      #expect(token.isEmpty || error?.description.contains(token) == false)
    }
  }

  @Test("name models that URLs can name")
  func models() async {
    #expect(await refusal([:], plans: [])?.code == "config.no-models")
    for path in [".plan", "a b.plan", "x/.hidden.plan", "ä.plan", "/", String(repeating: "n", count: 140)] {
      #expect(await refusal([:], plans: [path])?.code == "config.model-name", "\(path)")
    }
    #expect(await refusal([.models: "folder"], plans: []) == nil)
  }

  @Test("have sizes with units")
  func sizes() {
    for (text, bytes) in [("7", 7), ("1KiB", 1024), ("2MiB", 2 << 20), ("3GiB", 3 << 30), ("0KiB", 0)] {
      #expect(Settings.bytes(text) == bytes, "\(text)")
    }
    for text in ["", "KiB", "1kib", "1.5MiB", "-1KiB", "1GB", "9007199254740993KiB"] {
      #expect(Settings.bytes(text) == nil, "\(text)")
    }
  }
}
