import ArgumentParser
import JSON
import ModelCompiler
import OnnxFormat
import Tensors

/// `evssm inspect`: what a model file holds.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a checkpoint, an ONNX model or a plan holds.",
    discussion: """
      The content of the file says what it is. A checkpoint that is not EVSSM's is listed all the same, with the \
      difference from the nearest EVSSM network. Of an ONNX model the inputs, outputs, operators and tensors are listed, and \
      what stands in the way of running it.

        $ evssm inspect small.pth
        file          small.pth
        container     PyTorch, zip container, state dict under params
        architecture  EVSSM
        dim           16
        blocks        2, 2, 2
        expansion     3
        resampling    kernels 3, 3 down, 3, 3 up
        parameters    454,592
        dtype         float32
        size          1.7 MiB
        cost          4.7 GMAC at 256x256
        tensors       258
          patch_embed.proj.weight                       float32  [16, 3, 3, 3]
          …
      """)

  @Argument(help: "A .pth, .safetensors, .onnx or .plan file.")
  var file: String

  @Option(help: "The key, or keys joined by dots, that holds the state dict. Default: found by itself.")
  var key: String?

  @Option(help: ArgumentHelp("The picture size for which the cost is given.", valueName: "WxH"))
  var size = PictureSize(width: 256, height: 256)

  @OptionGroup var onnx: OnnxReadOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let inspection = try makeInspection()
    try Console.output(json ? inspection.json.text : inspection.lines.joined(separator: "\n"))
  }
}

extension InspectCommand {
  private func makeInspection() throws -> any Inspection {
    switch try ModelKind(path: file) {
    case .plan: try PlanInspection(path: file, size: size)
    case .onnx: try OnnxInspection(path: file, .init(followsLinks: onnx.followLinks))
    default: CheckpointInspection(try Checkpoint.read(model: file, key: key), size: size)
    }
  }
}

/// What `inspect` says about a file.
protocol Inspection {
  var json: JSONValue { get }
  var lines: [String] { get }
}
