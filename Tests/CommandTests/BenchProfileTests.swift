import Foundation
import TestSupport
import Testing

@Suite("evssm bench, profile and trace")
struct BenchProfileTests {
  @Test("the steps of a profile add up to the wall time of their run")
  func profile() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let arguments = ["bench", plan, "--size", "300x200", "--threads", "1", "--runs", "3", "--profile"]
    let json = try CommandLineTool.run(arguments + ["--json"]).json()
    let steps = try #require(json["steps"] as? [[String: Any]])
    let wall = try #require(json["profiled_s"] as? Double)
    func sum(_ name: String) throws -> Double {
      try steps.reduce(0) { try $0 + #require(($1[name] as? NSNumber)?.doubleValue) }
    }
    #expect(try (0.95...1).contains(sum("seconds") / wall))
    #expect(try (0.95...1.000_001).contains(sum("share")))
    #expect(try sum("macs") == (json["macs"] as? NSNumber)?.doubleValue)
    // The picture three times, and every map at least twice.
    #expect(try sum("bytes") > 300 * 200 * 4 * (9 + 4 * 16))
    let table = try CommandLineTool.run(arguments).output
    for heading in ["GMAC/s", "moved", "GB/s", "share", "all steps", "before and behind them"] {
      #expect(table.contains(heading))
    }
  }

  @Test("a trace has a row for each thread, whose phases follow each other inside their steps")
  func trace() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let path = directory.path("trace.json")
    let outcome = try CommandLineTool.run(
      ["bench", plan, "--size", "60x40", "--threads", "2", "--runs", "1", "--trace", path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes(ofFile: path))) as? [String: Any])
    let events = try #require(object["traceEvents"] as? [[String: Any]])
    for worker in 0..<2 {
      let own = events.filter { $0["tid"] as? Int == worker && $0["ph"] as? String == "X" }
      let phases = own.filter { ["work", "wait"].contains($0["name"] as? String) }
      let steps = own.filter { !["work", "wait"].contains($0["name"] as? String) }
      func time(_ event: [String: Any], _ name: String) throws -> Double {
        try #require((event[name] as? NSNumber)?.doubleValue)
      }
      #expect(steps.count == Set(steps.compactMap { $0["name"] as? String }).count)
      #expect(steps.contains { ($0["name"] as? String) == "encoder_level1.block0.scan_stage" })
      for (phase, next) in zip(phases, phases.dropFirst()) {
        #expect(try time(phase, "ts") + time(phase, "dur") <= time(next, "ts") + 0.01)
      }
      let inSteps = try steps.reduce(0) { try $0 + time($1, "dur") }
      let inPhases = try phases.reduce(0) { try $0 + time($1, "dur") }
      #expect(inPhases <= inSteps + 1 && inPhases > 0)
    }
    let refused = try CommandLineTool.run(["bench", plan, "--size", "60x40", "--runs", "1", "--trace", plan])
    #expect(refused.status == 64 && refused.errors.contains("[output.is-input]"))
  }
}
