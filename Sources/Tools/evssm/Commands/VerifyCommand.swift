import ArgumentParser
import ExecutionPlan
import ModelCompiler
import PictureRestoration
import PlanRuntime
import Tensors

/// `evssm verify`: whether a plan computes here what its network computes.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that a plan computes what its network does.",
    discussion: """
      Without a checkpoint, runs the probe picture that the plan carries and compares the result with the reference \
      interpreter's, which the compiler stored beside it. With --against, compiles the checkpoint again, evaluates it \
      with the reference interpreter in float64 and compares every step; the first that differs is named. Exit code 65 \
      if anything differs by more than 2e-5, in proportion for maps with values over 1. Plans with matrices in bfloat16 are \
      held to a signal-to-noise ratio: 50 dB for the picture, 40 dB for the maps on the way.

        $ evssm verify deblurring.plan
        certificate  probe 52x40, largest difference 1.2e-06, allowed 2.0e-05
        $ evssm verify deblurring.plan --against deblurring.pth
        step                               difference  allowed
        patch_embed.proj                      1.2e-07  2.0e-05
        encoder_level1.block0.scan_stage      4.0e-07  2.6e-05
        …

      An ONNX model may stand for the plan, the checkpoint or both. A plan that runs a graph node by node is compared with \
      the model it was compiled from: every output, on seeded noise, with the interpreter's.

        $ evssm verify denoise.onnx
        output                             difference  allowed
        clean                                 2.4e-07  2.0e-05
      """)

  @Argument(help: "A file that `evssm compile` wrote, or an ONNX model.")
  var plan: String

  @Option(help: ArgumentHelp("Compare every step with this checkpoint or ONNX model.", valueName: "checkpoint"))
  var against: String?

  @Option(help: ArgumentHelp("The picture for --against. Default: seeded noise.", valueName: "file"))
  var input: String?

  @Option(help: "The key in the checkpoint that holds the state dict. Default: found by itself.")
  var key: String?

  @OptionGroup var threads: ThreadOption

  @OptionGroup var onnx: OnnxCompileOptions

  func validate() throws {
    if against == nil, Paths.fileExtension(plan) != "onnx", input != nil || key != nil {
      throw ValidationError("--input and --key go with --against: the certificate has a picture of its own.")
    }
  }

  func run() throws {
    let loaded = try OpenedPlan.open(plan, onnx.options)
    let workers = try threads.workers()
    let isModel = try ModelKind(path: plan).isOnnx
    if let model = against ?? (isModel ? plan : nil), try ModelKind(path: model).isOnnx {
      try compareModel(loaded, model, workers)
    } else if let against {
      try compareStages(loaded, against, workers)
    } else {
      try checkCertificate(loaded, workers)
    }
  }

  private func checkCertificate(_ loaded: LoadedPlan, _ workers: Workers) throws {
    guard let certificate = loaded.certificate else {
      throw EVSSMError(
        "verify.no-certificate", "The plan carries no certificate. Compare it with its checkpoint (--against).",
        place: .init(file: plan))
    }
    let session = try PlanSession(
      plan: loaded, height: certificate.height, width: certificate.width, workers: workers)
    let comparison = certificate.compare(output: try session.run(certificate.input))
    try Console.output(
      "certificate  probe \(certificate.width)x\(certificate.height), " + Self.text(comparison, certificate.tier))
    if comparison.passes { return }
    throw EVSSMError(
      "verify.certificate",
      "The plan does not compute here what the reference did when it was compiled. "
        + "--against its checkpoint names the step.", place: .init(file: plan))
  }

  private static func text(_ comparison: Certificate.Comparison, _ tier: Certificate.Tier) -> String {
    let difference = "largest difference \(Format.scientific(Double(comparison.maxDifference)))"
    return switch tier {
    case .close(let allowed): "\(difference), allowed \(Format.scientific(Double(allowed)))"
    case .reduced(let least):
      "\(Format.decibels(comparison.decibels)), at least \(Format.decibels(Double(least))) needed; \(difference)"
    }
  }

  private func compareStages(_ plan: LoadedPlan, _ checkpoint: String, _ workers: Workers) throws {
    let checkpoint = try Checkpoint.read(model: checkpoint, key: key)
    let compilation = try CheckpointCompilation(
      checkpoint, CompilationOptions(windows: plan.plan.model.windows, precision: plan.plan.precision))
    let picture = try readPicture() ?? Tensor(shape: [1, 3, 40, 56], floats: SeededNoise.values(count: 3 * 40 * 56))
    let comparison = try StageComparison(
      plan: plan, graph: compilation.compiled.fusedGraph, picture: picture, workers: workers)
    try Console.output(Self.table(comparison.stages, of: "step").joined(separator: "\n"))
    guard let stage = comparison.firstDivergent else { return }
    throw EVSSMError(
      "verify.divergent",
      "This step is the first whose result differs from the checkpoint's: \(stage.cells.found), "
        + "\(stage.cells.allowed) is allowed. The plan was compiled from other weights, "
        + "or a kernel is wrong.",
      place: .init(file: self.plan, node: stage.name))
  }

  private func compareModel(_ plan: LoadedPlan, _ model: String, _ workers: Workers) throws {
    let compilation = try OnnxCompilation(path: model, onnx.options)
    let comparison = try ModelComparison(plan: plan, model: compilation, picture: readPicture(), workers: workers)
    try Console.output(Self.table(comparison.outputs, of: "output").joined(separator: "\n"))
    guard let output = comparison.outputs.first(where: \.isDivergent) else { return }
    throw EVSSMError(
      "verify.divergent",
      "This output differs from the model's: \(output.cells.found), \(output.cells.allowed) is allowed. "
        + "The plan was compiled from another model, or a kernel is wrong.",
      place: .init(file: self.plan, node: output.name))
  }

  private static func table(_ stages: [StageDifference], of what: String) -> [String] {
    var table = TextTable([(what, .left), ("difference", .right), ("allowed", .right), ("", .left)])
    for stage in stages {
      let cells = stage.cells
      table.append(EVSSMError.escaped(stage.name), cells.found, cells.allowed, stage.isDivergent ? "differs" : "")
    }
    return table.lines()
  }

  /// The picture of `--input` as float32 (1, 3, H, W).
  private func readPicture() throws -> Tensor? {
    guard let input else { return nil }
    let data = try PictureData.read(path: input)
    return try Tensor(shape: [1, 3, data.height, data.width], floats: data.planes)
  }
}
