import Foundation
import TestSupport
import Testing

/// The built executable, run as a user runs it.
struct CommandLineTool {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String

    /// Standard output as one JSON object.
    func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
      let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(object as? [String: Any], sourceLocation: sourceLocation)
    }
  }

  /// Beside the executable that runs the tests.
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("evssm").path

  /// Runs `evssm` with `arguments` and waits for it.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
    redirection: String? = nil
  ) throws -> Outcome {
    let files = try TemporaryDirectory()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "COLUMNS": "100"].merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    let output = try FileHandle(forWritingTo: URL(fileURLWithPath: redirection ?? files.file("output", [])))
    let errors = try FileHandle(forWritingTo: URL(fileURLWithPath: files.file("errors", [])))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationReason == .exit, "evssm \(arguments) ended by signal \(process.terminationStatus)")
    func text(_ name: String) throws -> String { String(decoding: try bytes(ofFile: files.path(name)), as: UTF8.self) }
    return Outcome(
      status: process.terminationStatus, output: redirection == nil ? try text("output") : "",
      errors: try text("errors"))
  }
}
