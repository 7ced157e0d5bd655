import ArgumentParser
import InferenceServer

/// The command line.
struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evssmd",
    abstract: "Serves compiled plans over HTTP and gRPC.",
    discussion: """
      Speaks the Open Inference Protocol, version 2, and restores PNG and JPEG files sent to /v1/restore:

        $ evssmd deblurring.plan
        $ curl --data-binary @blurred.jpg http://127.0.0.1:8080/v1/restore -o sharp.jpg

      Every option can be given as an environment variable (--grpc-port as EVSSMD_GRPC_PORT) or in a JSON file \
      ({"grpc-port": 8081}); a flag outweighs the environment, which outweighs the file. The bearer token is read from \
      EVSSMD_TOKEN or the file only, where other users of the machine do not see it.

      SIGTERM or SIGINT ends the server in order: accepted requests are answered. A second one ends it at once.
      """,
    version: Documents.serverVersion)

  @Argument(help: "Plan files, each served under its name without the extension.")
  var plans: [String] = []

  @Option(help: ArgumentHelp("A folder of models, NAME/VERSION/model.plan.", valueName: "folder"))
  var models: String?
  @Option(help: ArgumentHelp("The address to listen at (127.0.0.1). Give 0.0.0.0 for all.", valueName: "address"))
  var host: String?
  @Option(help: ArgumentHelp("The HTTP port (8080); 0 for any.", valueName: "port"))
  var port: String?
  @Option(help: ArgumentHelp("The gRPC port (8081); 0 for any, off for none.", valueName: "port"))
  var grpcPort: String?
  @Option(help: ArgumentHelp("Threads that run plans (all processors).", valueName: "count"))
  var threads: String?
  @Option(help: ArgumentHelp("Small pictures restored side by side (as many as threads).", valueName: "count"))
  var sessions: String?
  @Option(help: ArgumentHelp("Pixels up to which a picture is small (262144).", valueName: "pixels"))
  var smallPicture: String?
  @Option(help: ArgumentHelp("Requests accepted at a time, running or waiting (32).", valueName: "count"))
  var queue: String?
  @Option(help: ArgumentHelp("Memory for feature maps of all sessions (half of the machine's).", valueName: "size"))
  var maxMemory: String?
  @Option(help: ArgumentHelp("The largest body, after decompression (256MiB).", valueName: "size"))
  var maxBody: String?
  @Option(help: ArgumentHelp("Memory for bodies and pictures of all requests (1GiB).", valueName: "size"))
  var maxBuffered: String?
  @Option(help: ArgumentHelp("Open HTTP connections (1024).", valueName: "count"))
  var maxConnections: String?
  @Option(help: ArgumentHelp("Seconds a request may take; 0 for no limit (0).", valueName: "seconds"))
  var timeout: String?
  @Option(
    help: ArgumentHelp(
      "Whether clients load and unload models: on, off, or auto: with a token or on loopback only (auto).",
      valueName: "when"))
  var modelControl: String?
  @Option(help: ArgumentHelp("Seconds between a signal and the refusal of requests (0).", valueName: "seconds"))
  var drainDelay: String?
  @Option(help: ArgumentHelp("Seconds for accepted requests after that (30).", valueName: "seconds"))
  var grace: String?
  @Option(help: ArgumentHelp("trace, debug, info, notice, warning or error (info).", valueName: "level"))
  var logLevel: String?
  @Option(help: ArgumentHelp("text or json (text).", valueName: "format"))
  var logFormat: String?
  @Option(help: ArgumentHelp("A JSON file of settings.", valueName: "file"))
  var config: String?

  private var flags: [Setting: String] {
    let pairs: [(Setting, String?)] = [
      (.models, models), (.host, host), (.port, port), (.grpcPort, grpcPort), (.threads, threads),
      (.sessions, sessions), (.smallPicture, smallPicture), (.queue, queue), (.maxMemory, maxMemory),
      (.maxBody, maxBody), (.maxBuffered, maxBuffered), (.maxConnections, maxConnections), (.timeout, timeout),
      (.modelControl, modelControl), (.drainDelay, drainDelay), (.grace, grace), (.logLevel, logLevel),
      (.logFormat, logFormat),
    ]
    return Dictionary(uniqueKeysWithValues: pairs.compactMap { pair in pair.1.map { (pair.0, $0) } })
  }

  func run() async throws {
    let settings = try await Settings(flags: flags, file: config)
    try await Server(ServerOptions(settings, plans: plans)).run()
  }
}
