import ArgumentParser
import CAllocationCounter
import ExecutionPlan
import Foundation
import JSON
import PictureRestoration
import PlanRuntime
import Tensors

/// `evssm run`: pictures, or tensors, through a plan.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Restore pictures with a plan.",
    discussion: """
      Inputs are .png, .jpg and .npy files, or folders of them. One file goes to the file OUT, whose extension says \
      its format. Several files, or a folder, go to the folder OUT, which is made if need be, under the names they \
      have; a file that cannot be restored does not stop the others, and the exit code is then 65.

      With --jobs N, N pictures are restored at the same time, each by its share of the threads. That is worth it for \
      many pictures: a thread that works alone waits for no other, and files are read and written meanwhile. It takes \
      N times the memory for pictures; results are the same.

      With --max-memory, the whole process stays within that much memory. A picture that needs more is cut into \
      tiles that overlap by 64 pixels and are blended; the result then differs a little from that of the picture \
      in one piece. docs/performance.md says how much.

      With --compare, each picture is also written beside its result, before and after: a .png or .jpg file for one \
      picture, a folder for several.

      A .npy file is float32 of shape (3, H, W), red, green and blue in 0...1; written as .npy, results are not clamped.

      PLAN may be an ONNX model, which is then compiled first. A graph with other inputs than one picture takes them \
      from .npz files by their names, from .npy files in order, or one by one with --input; its outputs go to OUT, a \
      .npz file, or a .npy file for a single one.

        $ evssm run deblurring.plan blurred.png -o sharp.png
        sharp.png: 256x256 in 1.83 s
        $ evssm run deblurring.plan photos -o restored
        restored/one.jpg: 1280x720 in 31.20 s
        evssm: error: photos/two.jpg: The file ends before the picture does. [jpeg.truncated]
        1 picture restored, 1 not
        $ evssm run denoise.onnx --input noisy=noisy.npy --input level=level.npy -o result.npz
        result.npz: 1 tensor in 0.02 s
      """)

  @Argument(help: "A file that `evssm compile` wrote, or an ONNX model.")
  var plan: String

  @Argument(help: ArgumentHelp("Pictures, folders of pictures, or .npy and .npz files.", valueName: "input"))
  var inputs: [String] = []

  @Option(
    name: .customLong("input"),
    help: ArgumentHelp("The file for one input of a graph; may be repeated.", valueName: "name=file"))
  var named: [NamedFile] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The picture or tensors to write, or the folder for several pictures.", valueName: "out"))
  var output: String

  @Option(
    help: ArgumentHelp("Write input and result side by side: a picture, or the folder for several.", valueName: "out"))
  var compare: String?

  @OptionGroup var threads: ThreadOption

  @OptionGroup var onnx: OnnxCompileOptions

  @Option(help: "Pictures to restore at the same time; the threads are shared out among them.")
  var jobs = 1

  @Option(
    help: ArgumentHelp(
      "Stay within this memory, such as 600M or 1G: pictures that need more are restored in tiles.", valueName: "size"))
  var maxMemory: MemorySize?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if inputs.isEmpty && named.isEmpty {
      throw ValidationError("There is no input: give pictures or --input name=file.")
    }
    if !(1...256).contains(jobs) { throw ValidationError("--jobs \(jobs) is not between 1 and 256.") }
    if compare != nil, maxMemory != nil {
      throw ValidationError("--compare needs both pictures in memory at once: leave out --max-memory, or it.")
    }
  }

  func run() throws {
    // What the command line alone can tell is told before anything large is read.
    let layout = isForTensors ? nil : try layOutPictures()
    let opened = try OpenedPlan.open(plan, onnx.options)
    if let graph = opened.plan.graph { return try run(graph, opened, layout) }
    guard let layout else {
      throw EVSSMError(
        "run.input", "This plan takes pictures. Leave --input out, and write to a picture or a folder.",
        category: .usage, place: .init(file: plan))
    }
    let restorer = try openRestorer(opened, pictures: layout.items.count)
    try layout.makeFolders()
    let outcomes = restore(layout.items) { restorer.run(layout.items, tell: $0) }
    if json { try Console.output(report(outcomes, jobs: restorer.jobs)) }
    try finish(outcomes, isSingle: layout.folder == nil)
  }

  private func layOutPictures() throws -> RestorationItems {
    var layout = try RestorationItems(inputs: inputs, output: output)
    if let compare { try layout.addComparisons(compare) }
    for item in layout.items {
      for path in [item.output, item.comparison].compactMap(\.self) { try Paths.check(path, isNoneOf: [plan]) }
    }
    return layout
  }

  /// Whether the command line names tensors, not pictures.
  private var isForTensors: Bool {
    TensorFiles.isArchive(output) || !named.isEmpty || (inputs.count > 1 && Paths.fileExtension(output) == "npy")
  }

  /// Runs a graph node by node: on pictures where it takes one and they are given, else on tensors.
  private func run(_ graph: TensorGraph, _ opened: LoadedPlan, _ layout: RestorationItems?) throws {
    guard jobs == 1, maxMemory == nil else {
      throw EVSSMError(
        "run.option", "--jobs and --max-memory are for plans of EVSSM networks. Leave them out.", category: .usage,
        place: .init(file: plan))
    }
    let session = try TensorSession(plan: opened, workers: Workers(threads: threads.count))
    guard let layout, GraphPictureRunner.canRun(graph), !inputs.contains(where: TensorFiles.isArchive) else {
      return try runTensors(session)
    }
    try layout.makeFolders()
    let runner = GraphPictureRunner(session: session)
    let outcomes = restore(layout.items) { tell in
      layout.items.enumerated().map { index, item in
        let outcome = runner.run(item)
        tell(index, outcome)
        return outcome
      }
    }
    if json { try Console.output(report(outcomes, jobs: 1)) }
    try finish(outcomes, isSingle: layout.folder == nil)
  }

  private func runTensors(_ session: TensorSession) throws {
    guard compare == nil else {
      throw EVSSMError(
        "run.option", "--compare is for pictures. Leave it out.", category: .usage, place: .init(file: plan))
    }
    try Paths.check(output, isNoneOf: [plan] + inputs + named.map(\.path))
    let tensors = try TensorFiles.inputs(session.graph.inputs, named: named, files: inputs)
    let start = ContinuousClock.now
    let results = try session.run(tensors)
    let seconds = (ContinuousClock.now - start).seconds
    let names = session.graph.outputNames
    try TensorFiles.write(names, results, to: output)
    if json { try Console.output(tensorReport(names, results, seconds)) }
    let count = results.count == 1 ? "1 tensor" : "\(results.count) tensors"
    Console.note("\(EVSSMError.escaped(output)): \(count) in \(Format.fixed(seconds, 2)) s")
  }

  private func tensorReport(_ names: [String], _ results: [Tensor], _ seconds: Double) -> JSONValue {
    let tensors: [JSONValue] = zip(names, results).map { name, tensor in
      ["name": .string(name), "dtype": .string(tensor.dtype.rawValue), "shape": JSONValue(tensor.shape)]
    }
    return [
      "plan": .string(plan), "threads": .integer(threads.count), "seconds": .number(seconds), "output": .string(output),
      "tensors": .array(tensors),
    ]
  }

  /// As many jobs as were asked for, but no more than there are pictures.
  private func openRestorer(_ plan: LoadedPlan, pictures: Int) throws -> PictureRestorer {
    let count = min(jobs, pictures)
    if maxMemory != nil { evssm_return_freed_memory() }
    return try PictureRestorer(plan: plan, threads: threads.count, jobs: count, memory: maxMemory)
  }

  /// Runs pictures and tells each outcome as it comes.
  private func restore(
    _ items: [RestorationItem], _ run: (@escaping @Sendable (Int, RestorationOutcome) -> Void) -> [RestorationOutcome]
  ) -> [RestorationOutcome] {
    let progress = ProgressBar(total: items.count)
    progress.show(done: 0, name: Paths.fileName(items.first?.input ?? ""))
    return run { index, outcome in
      progress.clear()
      Self.tell(outcome, isSingle: items.count == 1)
      if index + 1 < items.count { progress.show(done: index + 1, name: Paths.fileName(items[index + 1].input)) }
    }
  }

  private static func tell(_ outcome: RestorationOutcome, isSingle: Bool) {
    let output = EVSSMError.escaped(outcome.item.output)
    for note in outcome.notes { Console.note("\(output): \(note)") }
    if let error = outcome.error {
      if !isSingle { Console.error(error.description) }
    } else if let width = outcome.width, let height = outcome.height, let seconds = outcome.seconds {
      Console.note("\(output): \(width)x\(height)\(tiles(outcome.grid)) in \(Format.fixed(seconds, 2)) s")
    }
  }

  private static func tiles(_ grid: TileGrid?) -> String {
    grid.map { " in \($0.count) tiles of \($0.tileWidth)x\($0.tileHeight)" } ?? ""
  }

  private func report(_ outcomes: [RestorationOutcome], jobs: Int) throws -> JSONValue {
    let failed = outcomes.count { $0.error != nil }
    return [
      "plan": .string(plan),
      "threads": .integer(threads.count),
      "jobs": .integer(jobs),
      "max_memory": JSONValue(maxMemory?.byteCount),
      "isa": .string(try InstructionSet.selected().rawValue),
      "restored": .integer(outcomes.count - failed),
      "failed": .integer(failed),
      "peak_rss_bytes": JSONValue(ProcessMemory.peakResidentBytes),
      "results": .array(outcomes.map(\.json)),
    ]
  }

  /// The error of the only picture as it is; of several, a summary.
  private func finish(_ outcomes: [RestorationOutcome], isSingle: Bool) throws {
    let errors = outcomes.compactMap(\.error)
    if outcomes.count == 1, let error = errors.first { throw error }
    if isSingle { return }
    let restored = outcomes.count - errors.count
    Console.note("\(restored) picture\(restored == 1 ? "" : "s") restored, \(errors.count) not")
    let categories = Set(errors.map(\.category))
    if let category = categories.first { throw CommandStop(categories.count == 1 ? category : .badInput) }
  }
}
