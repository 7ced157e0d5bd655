import Testing

@Suite("Help")
struct HelpTests {
  static let commands = ["inspect", "convert", "compile", "run", "eval", "verify", "bench", "kernels", "dump"]

  @Test("is as its snapshot", arguments: commands)
  func help(_ command: String) throws {
    let outcome = try CommandLineTool.run(["help", command])
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    #expect(outcome.output.contains("$ evssm \(command)"), "help shows a transcript")
    try Snapshot.expect(outcome.output, equals: "help-\(command)")
  }

  @Test("of the tool is as its snapshot, and what it prints without arguments")
  func root() throws {
    let outcome = try CommandLineTool.run(["--help"])
    #expect(outcome.status == 0)
    try Snapshot.expect(outcome.output, equals: "help")
    #expect(try CommandLineTool.run([]).output == outcome.output)
  }

  @Test("gives the version")
  func version() throws {
    let outcome = try CommandLineTool.run(["--version"])
    #expect(outcome.status == 0)
    #expect(outcome.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }
}
