import ArgumentParser
import SafetensorsFormat
import Tensors
import TorchFormat

/// `evssm convert`: one checkpoint format to the other.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a checkpoint between PyTorch and safetensors.",
    discussion: """
      The content of IN says what it is; the extension of OUT says what it becomes: .pth or .pt (read back by \
      torch.load with weights_only=True, the state dict under `params`) or .safetensors. Values are kept bit for bit \
      unless --dtype asks for another type. Any state dict converts, not only EVSSM's.

        $ evssm convert small.pth small.safetensors
        small.pth: PyTorch, zip container, state dict under params
        small.safetensors: 258 tensors, 1.7 MiB
      """)

  @Argument(help: ArgumentHelp("The checkpoint to read.", valueName: "in"))
  var input: String

  @Argument(help: ArgumentHelp("The file to write: .pth, .pt or .safetensors.", valueName: "out"))
  var output: String

  @Option(help: "The key, or keys joined by dots, that holds the state dict. Default: found by itself.")
  var key: String?

  @Option(help: "Round floating-point tensors to this type: \(floatingPointNames).")
  var dtype: String?

  private static var floatingPointNames: String {
    DType.allCases.filter(\.isFloatingPoint).map(\.rawValue).joined(separator: ", ")
  }

  private var target: DType? { dtype.flatMap(DType.init(rawValue:)) }

  func validate() throws {
    guard ["pth", "pt", "safetensors"].contains(OutputPath.fileExtension(output)) else {
      throw ValidationError("The name of <out> must end in .pth, .pt or .safetensors: it says what is written.")
    }
    if let dtype, target?.isFloatingPoint != true {
      throw ValidationError("--dtype \(EVSSMError.escaped(dtype)) is none of \(Self.floatingPointNames).")
    }
  }

  func run() throws {
    let checkpoint = try LoadedCheckpoint.read(path: input, key: key)
    try OutputPath.check(output, isNoneOf: [input])
    let catalogue = try converted(checkpoint.catalogue)
    if OutputPath.fileExtension(output) == "safetensors" {
      try SafetensorsFile.write(catalogue, to: output)
    } else {
      try TorchCheckpoint.write(catalogue, to: output)
    }
    Console.note("\(EVSSMError.escaped(input)): \(checkpoint.summary)")
    Console.note(
      "\(EVSSMError.escaped(output)): \(Format.grouped(catalogue.count)) tensors, \(Format.bytes(catalogue.byteCount))")
  }

  /// Floating-point tensors in the type asked for; the others (counters, indices) as they are.
  private func converted(_ catalogue: TensorCatalogue) throws -> TensorCatalogue {
    guard let target else { return catalogue }
    return try catalogue.map { _, tensor in
      tensor.dtype.isFloatingPoint ? try tensor.converted(to: target) : tensor
    }
  }
}
