import ArgumentParser
import Checkpoints
import EVSSMModel
import ExecutionPlan
import GraphCompiler
import GraphIR
import ModelCompiler
import OnnxFormat
import Tensors

/// `evssm dump`: the graph of a model as text, at any place of the compilation.
struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Show the graph of a checkpoint or an ONNX model, before or after any pass.",
    discussion: """
      Without --after the graph is as it is written, one line a node: results, operator, attributes, operands, types and \
      the node's name. With --after it is as that pass leaves it; after `schedule`, `share-maps` and `round-matrices` it \
      is the steps of the plan. A wrong name is answered with the names of the passes, in order.

        $ evssm dump small.pth --after share-maps
        map0 = picture_convolution(picture) : 16 channels, 1/1, float32  # patch_embed.proj
        map0 = scan_stage(map0){strip_pixels: 1024} : 16 channels, 1/1, float32  # encoder_level1.block0.scan_stage
        …
        picture = output_convolution(map0) : float32  # output.crop
      """)

  @Argument(help: "A .pth, .safetensors or .onnx file.")
  var file: String

  @Option(help: ArgumentHelp("The pass after which the graph is shown.", valueName: "pass"))
  var after: String?

  @Option(help: "How the scan stages of a checkpoint cut a map: released or whole. Default: released.")
  var windows: WindowChoice?

  @Option(help: "What matrices compute in: float32 or bfloat16.")
  var precision = Precision.float32

  @Option(help: "The key, or keys joined by dots, that holds the state dict. Default: found by itself.")
  var key: String?

  @OptionGroup var onnx: OnnxReadOptions

  func run() throws {
    let settings = PlanSettings(precision: precision)
    do {
      let text = try Pipeline.dump(graph(), after: after, settings)
      try Console.output(String(text.dropLast()))
    } catch let error as EVSSMError where error.category == .usage { throw error } catch let error as EVSSMError {
      throw error.at(.init(file: file))
    }
  }

  /// The graph as it is written.
  private func graph() throws -> Graph {
    if try ModelKind(path: file).isOnnx {
      return try OnnxModel(path: file).imported(.init(followsLinks: onnx.followLinks)).graph
    }
    let checkpoint = try Checkpoint.read(model: file, key: key)
    let architecture = try EVSSMArchitecture.recognise(checkpoint.catalogue)
    return try EVSSMModel.graph(checkpoint.catalogue, architecture, windows: (windows ?? .released).mode)
  }
}
