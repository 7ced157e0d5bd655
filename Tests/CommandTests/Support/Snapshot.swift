import Foundation
import Testing

/// Texts that are kept beside the tests. `EVSSM_UPDATE_SNAPSHOTS=1 swift test --filter CommandTests` writes them anew, and
/// fails for each that it wrote: a run that records has compared nothing.
enum Snapshot {
  private static let directory = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Snapshots")

  static func expect(_ text: String, equals name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = directory.appendingPathComponent(name + ".txt")
    if ProcessInfo.processInfo.environment["EVSSM_UPDATE_SNAPSHOTS"] == "1" {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
      Issue.record(
        "\(name) was recorded, not compared. Read the change, and run again without EVSSM_UPDATE_SNAPSHOTS.",
        sourceLocation: sourceLocation)
      return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "\(name) differs from its snapshot", sourceLocation: sourceLocation)
  }
}
