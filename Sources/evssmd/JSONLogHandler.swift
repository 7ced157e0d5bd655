import Foundation
import InferenceServer
import Logging

/// One JSON object a line on standard error.
struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(
    level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String,
    function: String, line: UInt
  ) {
    let time = Date().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    var fields: [(String, JSONText)] = [
      ("time", .string(time)), ("level", .string(level.rawValue)), ("message", .string("\(message)")),
    ]
    let all = self.metadata.merging(metadata ?? [:]) { $1 }
    fields += all.sorted { $0.key < $1.key }.map { ($0.key, .string("\($0.value)")) }
    FileHandle.standardError.write(Data(JSONText.object(fields).bytes + [UInt8(ascii: "\n")]))
  }
}
