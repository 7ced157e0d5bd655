import ArgumentParser
import ExecutionPlan
import ModelCompiler
import Tensors

/// `evssm compile`: a checkpoint or an ONNX model to a plan.
struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile",
    abstract: "Compile an EVSSM checkpoint or an ONNX model to a plan.",
    discussion: """
      The plan runs pictures of any size; --size lays out the memory for a size ahead of time. The two window modes \
      compute different functions: `released` is what the authors' released network does (overlapping windows of 384, \
      192 and 96 pixels, averaged), `whole` the network as it was trained (one window). The plan records which it is.

      An ONNX model in which EVSSM is recognised gives the same plan as its checkpoint; any other becomes a plan that \
      runs it node by node. --explain tells what was recognised and what stood in the way.

        $ evssm compile deblurring.pth -o deblurring.plan --size 256x256 --size 1280x720
        deblurring.pth: PyTorch, zip container, state dict under params
        EVSSM: dim 48, blocks 6, 6, 12, 17,129,472 parameters, windows released
        deblurring.plan: 102 steps, weights 65.8 MiB, 2 sizes bound, in 1.8 s

      With --precision bfloat16 matrices and convolutions round what they multiply to bfloat16 and sum in float32; all \
      else stays float32. Such a plan is half as large and runs up to 1.5 times as fast where the processor multiplies \
      bfloat16; results differ from float32's by 50 dB or better.
      """)

  @Argument(help: ArgumentHelp("The checkpoint or model: .pth, .safetensors or .onnx.", valueName: "in"))
  var input: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The plan to write: .plan.", valueName: "out"))
  var output: String

  @Option(
    name: .customLong("size"), help: ArgumentHelp("A size to bind ahead of time; may be repeated.", valueName: "WxH")
  )
  var sizes: [PictureSize] = []

  @Option(help: "How the scan stages of a checkpoint cut a map: released or whole. Default: released.")
  var windows: WindowChoice?

  @Option(help: "What matrices compute in: float32 or bfloat16.")
  var precision = Precision.float32

  @Option(help: "The key, or keys joined by dots, that holds the state dict. Default: found by itself.")
  var key: String?

  @Flag(help: "Print every rewrite that was applied or rejected, with the reason.")
  var explain = false

  @OptionGroup var onnx: OnnxCompileOptions

  func validate() throws {
    if Paths.fileExtension(output) != "plan" {
      throw ValidationError("The name of the output must end in .plan.")
    }
  }

  func run() throws {
    if try ModelKind(path: input).isOnnx { return try compileOnnx() }
    let start = ContinuousClock.now
    let checkpoint = try Checkpoint.read(model: input, key: key)
    try Paths.check(output, isNoneOf: [input])
    Console.note("\(EVSSMError.escaped(input)): \(checkpoint.summary)")
    var options = onnx.options
    options.precision = precision
    options.windows = windows == .whole ? .whole : .released
    let result = try CheckpointCompilation(checkpoint, options)
    if explain { try Console.output(result.explanations.joined(separator: "\n")) }
    Console.note(result.networkSummary)
    if result.compiled.nonFiniteWeightCount > 0 {
      Console.note(
        "warning: \(result.compiled.nonFiniteWeightCount) packed weights are NaN or infinite; the plan says so.")
    }
    if let doubt = try result.write(to: output, sizes: sizes) { Console.note("warning: \(doubt)") }
    let seconds = Format.fixed((ContinuousClock.now - start).seconds, 1)
    Console.note("\(EVSSMError.escaped(output)): \(result.planSummary(boundSizes: Set(sizes).count)), in \(seconds) s")
  }
}

extension CompileCommand {
  private func compileOnnx() throws {
    let start = ContinuousClock.now
    guard key == nil, windows == nil else {
      throw EVSSMError(
        "compile.option", "--key and --windows are for checkpoints: an ONNX model has its windows in its graph.",
        category: .usage, place: .init(file: input))
    }
    try Paths.check(output, isNoneOf: [input])
    var options = onnx.options
    options.precision = precision
    let result = try OnnxCompilation(path: input, options)
    if explain { try Console.output(result.explanations.joined(separator: "\n")) }
    for note in result.imported.notes { Console.note("\(EVSSMError.escaped(input)): \(note)") }
    Console.note("\(EVSSMError.escaped(input)): \(result.networkSummary)")
    if let doubt = try result.write(to: output, sizes: sizes) { Console.note("warning: \(doubt)") }
    let seconds = Format.fixed((ContinuousClock.now - start).seconds, 1)
    Console.note("\(EVSSMError.escaped(output)): \(result.planSummary), in \(seconds) s")
  }
}

extension Precision: ExpressibleByArgument {}

/// The window modes by their names on the command line.
enum WindowChoice: String, ExpressibleByArgument, CaseIterable {
  case released, whole
}
