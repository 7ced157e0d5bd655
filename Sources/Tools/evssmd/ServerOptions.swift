import InferenceServer
import InferenceServerGRPC
import InferenceServerHTTP
import Logging
import PlanRuntime
import Tensors

/// Settings that were found to be right.
struct ServerOptions: Sendable {
  var sources: [ModelRepository.Source]
  var scheduler: SchedulerConfiguration
  var http = HTTPConfiguration()
  /// Nil for no gRPC.
  var grpcPort: Int?
  var maxBufferedBytes: Int
  var timeout: Double
  var drainDelay: Double
  var grace: Double
  var logLevel: Logger.Level
  var isLogJSON: Bool

  init(_ settings: Settings, plans: [String]) throws {
    sources = try Self.sources(plans: plans, folder: settings.text(.models))
    scheduler = try Self.scheduler(settings)
    http.host = settings.text(.host) ?? http.host
    http.port = try settings.integer(.port, in: 0...65_535, default: http.port)
    http.maxBodyBytes = try settings.bytes(.maxBody, default: http.maxBodyBytes)
    http.maxConnections = try settings.integer(.maxConnections, in: 1...1_000_000, default: http.maxConnections)
    http.token = try Self.token(settings.text(.token))
    grpcPort = settings.text(.grpcPort) == "off" ? nil : try settings.integer(.grpcPort, in: 0...65_535, default: 8081)
    maxBufferedBytes = try settings.bytes(.maxBuffered, default: max(1 << 30, 2 * http.maxBodyBytes))
    timeout = try settings.seconds(.timeout, default: 0)
    drainDelay = try settings.seconds(.drainDelay, default: 0)
    grace = try settings.seconds(.grace, default: 30)
    let levels = Logger.Level.allCases.map(\.rawValue)
    logLevel = Logger.Level(rawValue: try settings.name(.logLevel, of: levels, default: "info")) ?? .info
    isLogJSON = try settings.name(.logFormat, of: ["text", "json"], default: "text") == "json"
    let control = try settings.name(.modelControl, of: ["auto", "on", "off"], default: "auto")
    http.isRepositoryOpen = control == "on" || control == "auto" && (isLoopback || http.token != nil)
  }

  /// The gRPC server has what the HTTP server has.
  func grpc(port: Int) -> GRPCConfiguration {
    GRPCConfiguration(
      host: http.host, port: port, token: http.token, isRepositoryOpen: http.isRepositoryOpen,
      maxMessageBytes: http.maxBodyBytes)
  }

  var isLoopback: Bool { ["127.0.0.1", "::1", "localhost"].contains(http.host) }

  private static func token(_ text: String?) throws -> String? {
    guard let text else { return nil }
    guard (16...1024).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw EVSSMError(
        "config.token", "The token must have 16 to 1024 printable characters without spaces.", category: .usage,
        place: .init(option: "EVSSMD_TOKEN"))
    }
    return text
  }

  private static func scheduler(_ settings: Settings) throws -> SchedulerConfiguration {
    var out = SchedulerConfiguration()
    out.threads = try settings.integer(.threads, in: 1...256, default: out.threads)
    out.sessions = try settings.integer(.sessions, in: 1...out.threads, default: out.threads)
    out.queue = try settings.integer(.queue, in: 1...100_000, default: out.queue)
    out.maxMemory = try settings.bytes(.maxMemory, default: out.maxMemory)
    out.smallPixels = try settings.integer(.smallPicture, in: 0...1 << 26, default: out.smallPixels)
    return out
  }

  private static func sources(plans: [String], folder: String?) throws -> [ModelRepository.Source] {
    var sources: [ModelRepository.Source] = []
    for path in plans {
      let file = path.split(separator: "/").last.map(String.init) ?? ""
      let name = file.hasSuffix(".plan") ? String(file.dropLast(5)) : file
      guard ModelName.isValid(name) else {
        throw EVSSMError(
          "config.model-name", "The plan's name is no model name: rename it to letters, digits, '.', '_' and '-'.",
          category: .usage, place: .init(file: path))
      }
      sources.append(.file(name: name, path: path))
    }
    if let folder { sources.append(.folder(folder)) }
    guard !sources.isEmpty else {
      throw EVSSMError(
        "config.no-models", "There is nothing to serve: give a plan file, or --models and a folder.", category: .usage)
    }
    return sources
  }
}
