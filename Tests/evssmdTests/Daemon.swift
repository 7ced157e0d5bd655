import Foundation
import Synchronization
import TestSupport

/// The built server as a process of its own, and the lines of its log.
final class Daemon: Sendable {
  /// Beside the executable that runs the tests.
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("evssmd").path

  struct Outcome: Sendable {
    let status: Int32
    let log: [String]
  }

  let identifier: Int32
  private let lines: AsyncStream<String>
  private let ends: AsyncStream<Int32>

  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.path)
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    let (ends, end) = AsyncStream.makeStream(of: Int32.self)
    process.terminationHandler = {
      end.yield($0.terminationReason == .exit ? $0.terminationStatus : -$0.terminationStatus)
      end.finish()
    }
    try process.run()
    identifier = process.processIdentifier
    self.ends = ends
    lines = Self.lines(of: errors.fileHandleForReading)
  }

  deinit { kill(identifier, SIGKILL) }

  /// Lines as they come, read on a thread of its own.
  private static func lines(of handle: FileHandle) -> AsyncStream<String> {
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    Thread.detachNewThread {
      var rest: [UInt8] = []
      while true {
        let data = handle.availableData
        if data.isEmpty { break }
        rest += data
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
          rest.removeSubrange(...end)
        }
      }
      if !rest.isEmpty { continuation.yield(String(decoding: rest, as: UTF8.self)) }
      continuation.finish()
    }
    return stream
  }

  /// Reads the log until a line matches; gives all lines so far.
  func log(until matches: (String) -> Bool) async -> [String] {
    var seen: [String] = []
    for await line in lines {
      seen.append(line)
      if matches(line) { break }
    }
    return seen
  }

  func signal(_ number: Int32) { kill(identifier, number) }

  /// The rest of the log and the exit status; a signal's number is negative.
  func end() async -> Outcome {
    let log = await log { _ in false }
    var status: Int32 = 0
    for await value in ends { status = value }
    return Outcome(status: status, log: log)
  }
}
