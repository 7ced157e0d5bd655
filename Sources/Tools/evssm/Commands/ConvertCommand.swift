import ArgumentParser
import Checkpoints
import EVSSMModel
import ModelCompiler
import OnnxWriter
import Tensors

/// `evssm convert`: one checkpoint format to the other, or a network to ONNX.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a checkpoint between PyTorch and safetensors, or an EVSSM network to ONNX.",
    discussion: """
      The content of IN says what it is; the extension of OUT says what it becomes: .pth or .pt (read back by \
      torch.load with weights_only=True, the state dict under `params`) or .safetensors. Values are kept bit for bit \
      unless --dtype asks for another type. Any state dict converts, not only EVSSM's.

      An OUT of .onnx is the whole network, for any ONNX runtime: input `picture`, float32 (1, 3, H, W) in [0, 1], \
      output `restored` of the same size, not clamped. Without --size it runs pictures of any size from 20x20 up; \
      padding and windows are part of it.

        $ evssm convert small.pth small.safetensors
        small.pth: PyTorch, zip container, state dict under params
        small.safetensors: 258 tensors, 1.7 MiB
        $ evssm convert small.pth small.onnx
        small.pth: PyTorch, zip container, state dict under params
        small.onnx: opset 20, any size, windows released, 1,043 nodes, 2.1 MiB
      """)

  @Argument(help: ArgumentHelp("The checkpoint to read.", valueName: "in"))
  var input: String

  @Argument(help: ArgumentHelp("The file to write: \(writtenNames).", valueName: "out"))
  var output: String

  @Option(help: "The key, or keys joined by dots, that holds the state dict. Default: found by itself.")
  var key: String?

  @Option(help: "Round floating-point tensors to this type: \(floatingPointNames).")
  var dtype: String?

  @OptionGroup(title: "ONNX")
  var onnx: OnnxOptions

  private static var floatingPointNames: String {
    DType.allCases.filter(\.isFloatingPoint).map(\.rawValue).joined(separator: ", ")
  }

  /// `.pth, .pt, .safetensors or .onnx`
  private static var writtenNames: String {
    CheckpointFormats.writtenExtensions.map { ".\($0)" }.joined(separator: ", ") + " or .onnx"
  }

  private var isOnnx: Bool { Paths.fileExtension(output) == "onnx" }

  private var target: DType? { dtype.flatMap(DType.init(rawValue:)) }

  func validate() throws {
    guard isOnnx || CheckpointFormats.format(writing: output) != nil else {
      throw ValidationError("The name of <out> must end in \(Self.writtenNames): it says what is written.")
    }
    try onnx.validate(isOnnx: isOnnx)
    if dtype != nil && isOnnx {
      throw ValidationError("--dtype is for checkpoints; an ONNX model is written in float32.")
    }
    if let dtype, target?.isFloatingPoint != true {
      throw ValidationError("--dtype \(EVSSMError.escaped(dtype)) is none of \(Self.floatingPointNames).")
    }
  }

  func run() throws {
    var checkpoint = try Checkpoint.read(model: input, key: key)
    try Paths.check(output, isNoneOf: [input])
    if isOnnx { return try writeOnnx(checkpoint) }
    checkpoint.catalogue = try converted(checkpoint.catalogue)
    try checkpoint.write(to: output)
    Console.note("\(EVSSMError.escaped(input)): \(checkpoint.summary)")
    Console.note(
      "\(EVSSMError.escaped(output)): \(Format.grouped(checkpoint.catalogue.count)) tensors, "
        + Format.bytes(checkpoint.catalogue.byteCount))
  }

  /// Floating-point tensors in the type asked for; the others (counters, indices) as they are.
  private func converted(_ catalogue: TensorCatalogue) throws -> TensorCatalogue {
    guard let target else { return catalogue }
    return try catalogue.map { _, tensor in
      tensor.dtype.isFloatingPoint ? try tensor.converted(to: target) : tensor
    }
  }

  private func writeOnnx(_ checkpoint: Checkpoint) throws {
    do {
      let architecture = try EVSSMArchitecture.recognise(checkpoint.catalogue)
      let graph = try EVSSMModel.graph(checkpoint.catalogue, architecture, windows: onnx.windows.mode)
      let report = try OnnxWriter.write(graph, to: output, onnx.writerOptions)
      Console.note("\(EVSSMError.escaped(input)): \(checkpoint.summary)")
      Console.note("\(EVSSMError.escaped(output)): \(onnx.summary), \(report.summary)")
      if let path = report.externalPath {
        Console.note("\(EVSSMError.escaped(path)): the weights; keep it beside the model")
      }
    } catch let error as EVSSMError { throw error.at(.init(file: input)) }
  }
}
