import TestSupport
import Testing

@Suite("Wrong usage")
struct UsageTests {
  static let wrong: [[String]] = [
    ["restore"], ["inspect"], ["inspect", "a", "b"], ["inspect", "a", "--size", "256"],
    ["inspect", "a", "--size", "0x9"],
    ["inspect", "a", "--size", "-5x9"], ["inspect", "a", "--size", "99999999999999999999x9"],
    ["convert", "a.pth"], ["convert", "a.pth", "b"],
    ["convert", "a.pth", "b.pth", "--dtype", "int8"], ["convert", "a.pth", "b.pth", "--dtype", "float31"],
    ["compile", "a.pth"], ["compile", "a.pth", "-o", "a.bin"],
    ["compile", "a.pth", "-o", "a.plan", "--windows", "some"],
    ["compile", "a.pth", "-o", "a.plan", "--size", "1x2x3"],
    ["run", "a.plan", "-o", "b.png"], ["run", "a.plan", "a.png"],
    ["run", "a.plan", "a.png", "-o", "b.png", "--threads", "0"],
    ["run", "a.plan", "a.png", "-o", "b.png", "--threads", "257"], ["run", "a.plan", "a.png", "-o", "b.gif"],
    ["run", "a.plan", "a.png", "-o", "a"],
    ["verify"], ["bench", "a.plan"], ["bench", "a.plan", "--size", "64x64", "--runs", "0"], ["kernels", "--threads"],
  ]

  @Test("has exit code 64, a message on standard error and nothing on standard output", arguments: wrong)
  func wrongUsage(_ arguments: [String]) throws {
    let outcome = try CommandLineTool.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("evssm: error: "))
  }

  @Test("of EVSSM_ISA is an error of usage")
  func instructionSet() throws {
    let outcome = try CommandLineTool.run(["kernels"], environment: ["EVSSM_ISA": "sse9"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("[runtime.isa]"))
  }
}

@Suite("Exit codes")
struct ExitCodeTests {
  static let readers: [[String]] = [
    ["inspect"], ["convert", "OUT.pth"], ["compile", "-o", "OUT.plan"],
    ["run", "OUT-missing.png", "-o", "OUT.png"], ["verify"],
    ["bench", "--size", "64x64"],
  ]

  /// The command with `file` as its first argument.
  private func command(_ words: [String], _ file: String, in directory: TemporaryDirectory) -> [String] {
    [words[0], file] + words.dropFirst().map { $0.hasPrefix("OUT") ? directory.path($0) : $0 }
  }

  @Test("66 for a file that is not there", arguments: readers)
  func noInput(_ words: [String]) throws {
    let directory = try TemporaryDirectory()
    let outcome = try CommandLineTool.run(command(words, directory.path("missing"), in: directory))
    #expect(outcome.status == 66)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("[file.not-found]"))
    #expect(try directory.contents().isEmpty)
  }

  @Test("65 for noise, a cut file, an empty file and a folder; nothing is written", arguments: readers)
  func badInput(_ words: [String]) throws {
    let directory = try TemporaryDirectory()
    var generator = SeededGenerator(seed: 3)
    let noise = (0..<5000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    let archive = try SmallModel.checkpoint(in: directory)
    let inputs = [
      try directory.file("noise", noise), try directory.file("empty", []),
      try directory.file("cut", Array(bytes(ofFile: archive).dropLast(1000))), directory.path,
    ]
    let before = try directory.contents()
    for input in inputs {
      let outcome = try CommandLineTool.run(command(words, input, in: directory))
      #expect(outcome.status == 65, "\(input): \(outcome.errors)")
      #expect(outcome.output.isEmpty)
      #expect(outcome.errors.hasPrefix("evssm: error: "))
    }
    #expect(try directory.contents() == before)
  }

  @Test("74 for an output that cannot be written")
  func unwritable() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try SmallModel.checkpoint(in: directory)
    for name in ["out.safetensors", "out.pth"] {
      let outcome = try CommandLineTool.run(["convert", checkpoint, directory.path("nowhere/\(name)")])
      #expect(outcome.status == 74, "\(outcome.errors)")
    }
    let outcome = try CommandLineTool.run(["inspect", checkpoint], redirection: "/dev/full")
    #expect(outcome.status == 74)
    #expect(outcome.errors.contains("[stdout.unwritable]"))
  }

  @Test("64 for an output that is the input, under whatever name")
  func overwriting() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try SmallModel.checkpoint(in: directory)
    let before = try bytes(ofFile: checkpoint)
    let outcome = try CommandLineTool.run(["convert", checkpoint, directory.path("./small.pth")])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("[output.is-input]"))
    #expect(try bytes(ofFile: checkpoint) == before)
  }
}
