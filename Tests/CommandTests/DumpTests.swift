import TestSupport
import Testing

@Suite("evssm dump")
struct DumpTests {
  @Test(
    "shows the graph after a pass and the steps of the plan", arguments: ["fuse-picture-convolution", "share-maps"])
  func dump(_ pass: String) throws {
    let directory = try TemporaryDirectory()
    let outcome = try CommandLineTool.run(["dump", SmallModel.checkpoint(in: directory), "--after", pass])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    try Snapshot.expect(outcome.output, equals: "dump-\(pass)")
  }

  @Test("shows the graph as it is written")
  func asWritten() throws {
    let directory = try TemporaryDirectory()
    let outcome = try CommandLineTool.run(["dump", SmallModel.checkpoint(in: directory)])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("= change_frame{") && outcome.output.contains("= windows{"))
  }

  @Test("answers a wrong name with the names of the passes")
  func unknownPass() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try SmallModel.checkpoint(in: directory)
    let unknown = try CommandLineTool.run(["dump", checkpoint, "--after", "fuse"])
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("sink-frames, fuse-scan-stage"))
    let unused = try CommandLineTool.run(["dump", checkpoint, "--after", "raise-primitives"])
    #expect(unused.status == 64)
    #expect(unused.errors.contains("does not run on this graph"))
  }
}
