import ArgumentParser
import EVSSMModel
import Tensors

/// `evssm compile`: a checkpoint to a plan.
struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile",
    abstract: "Compile an EVSSM checkpoint to a plan.",
    discussion: """
      The plan runs pictures of any size; --size lays out the memory for a size ahead of time. The two window modes \
      compute different functions: `released` is what the authors' released network does (overlapping windows of 384, \
      192 and 96 pixels, averaged), `whole` the network as it was trained (one window). The plan records which it is.

        $ evssm compile deblurring.pth -o deblurring.plan --size 256x256 --size 1280x720
        deblurring.pth: PyTorch, zip container, state dict under params
        EVSSM: dim 48, blocks 6, 6, 12, 17,129,472 parameters, windows released
        deblurring.plan: 102 steps, weights 65.8 MiB, 2 sizes bound, in 1.8 s
      """)

  @Argument(help: ArgumentHelp("The checkpoint: .pth or .safetensors.", valueName: "in"))
  var input: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The plan to write: .plan.", valueName: "out"))
  var output: String

  @Option(
    name: .customLong("size"), help: ArgumentHelp("A size to bind ahead of time; may be repeated.", valueName: "WxH")
  )
  var sizes: [PictureSize] = []

  @Option(help: "How the scan stages cut a map: released or whole.")
  var windows = WindowChoice.released

  @Option(help: "The key, or keys joined by dots, that holds the state dict. Default: found by itself.")
  var key: String?

  @Flag(help: "Print every rewrite that was applied or rejected, with the reason.")
  var explain = false

  func validate() throws {
    if OutputPath.fileExtension(output) != "plan" {
      throw ValidationError("The name of the output must end in .plan.")
    }
  }

  func run() throws {
    let start = ContinuousClock.now
    let checkpoint = try LoadedCheckpoint.read(path: input, key: key)
    try OutputPath.check(output, isNoneOf: [input])
    Console.note("\(EVSSMError.escaped(input)): \(checkpoint.summary)")
    let result = try Compilation(checkpoint, windows: windows == .released ? .released : .whole)
    if explain { try Console.output(result.explanations.joined(separator: "\n")) }
    Console.note(result.networkSummary)
    if result.compiled.nonFiniteWeightCount > 0 {
      Console.note("warning: \(result.compiled.nonFiniteWeightCount) packed weights are NaN or infinite; the plan says so.")
    }
    try result.write(to: output, sizes: sizes)
    let seconds = Format.fixed((ContinuousClock.now - start).seconds, 1)
    Console.note("\(EVSSMError.escaped(output)): \(result.planSummary(boundSizes: Set(sizes).count)), in \(seconds) s")
  }
}

/// The window modes by their names on the command line.
enum WindowChoice: String, ExpressibleByArgument, CaseIterable {
  case released, whole
}
