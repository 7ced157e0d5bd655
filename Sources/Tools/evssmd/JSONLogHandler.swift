import Foundation
import InferenceServer
import JSON
import Logging

/// One JSON object a line on standard error.
struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    var fields: [JSONValue.Member] = [
      ("time", .string(time)), ("level", .string(event.level.rawValue)), ("message", .string("\(event.message)")),
    ]
    let all = self.metadata.merging(event.metadata ?? [:]) { $1 }
    fields += all.sorted { $0.key < $1.key }.map { ($0.key, .string("\($0.value)")) }
    FileHandle.standardError.write(Data(JSONValue.object(fields).bytes() + [UInt8(ascii: "\n")]))
  }
}
