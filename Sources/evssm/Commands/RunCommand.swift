import ArgumentParser
import CAllocationCounter
import ExecutionPlan
import Foundation
import PlanRuntime
import Tensors

/// `evssm run`: pictures through a plan.
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

      A .npy file is float32 of shape (3, H, W), red, green and blue in 0...1; written as .npy, results are not clamped.

        $ evssm run deblurring.plan blurred.png -o sharp.png
        sharp.png: 256x256 in 1.83 s
        $ evssm run deblurring.plan photos -o restored
        restored/one.jpg: 1280x720 in 31.20 s
        evssm: error: photos/two.jpg: The file ends before the picture does. [jpeg.truncated]
        1 picture restored, 1 not
      """)

  @Argument(help: "A file that `evssm compile` wrote.")
  var plan: String

  @Argument(help: ArgumentHelp("Pictures, or folders of pictures.", valueName: "input"))
  var inputs: [String]

  @Option(name: .shortAndLong, help: ArgumentHelp("The picture to write, or the folder for several.", valueName: "out"))
  var output: String

  @OptionGroup var threads: ThreadOption

  @Option(help: "Pictures to restore at the same time; the threads are shared out among them.")
  var jobs = 1

  @Option(
    help: ArgumentHelp(
      "Stay within this memory, such as 600M or 1G: pictures that need more are restored in tiles.", valueName: "size"))
  var maxMemory: MemorySize?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if !(1...256).contains(jobs) { throw ValidationError("--jobs \(jobs) is not between 1 and 256.") }
  }

  func run() throws {
    let layout = try RunItems(inputs: inputs, output: output)
    for item in layout.items { try OutputPath.check(item.output, isNoneOf: [plan]) }
    let jobs = try openJobs(pictures: layout.items.count)
    try makeFolder(layout.folder)
    let outcomes = restore(layout.items, jobs)
    if json { try Console.output(report(outcomes, jobs)) }
    try finish(outcomes, isSingle: layout.folder == nil)
  }

  /// As many jobs as were asked for, but no more than there are pictures.
  private func openJobs(pictures: Int) throws -> RunJobs {
    let plan = try OpenedPlan.open(plan)
    let count = min(jobs, pictures)
    let budget = maxMemory.map { MemoryBudget(total: $0, plan: plan, threads: threads.count, jobs: count) }
    if budget != nil { evssm_return_freed_memory() }
    return try RunJobs(count: count, threads: threads.count, plan: plan, budget: budget)
  }

  private func makeFolder(_ folder: String?) throws {
    guard let folder else { return }
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw EVSSMError(
        "run.output", "The folder cannot be made: \(error.localizedDescription)", category: .inputOutput,
        place: .init(file: folder))
    }
  }

  private func restore(_ items: [RunItem], _ jobs: RunJobs) -> [RunOutcome] {
    let progress = ProgressBar(total: items.count)
    progress.show(done: 0, name: OutputPath.fileName(items.first?.input ?? ""))
    let outcomes = jobs.run(items) { index, outcome in
      progress.clear()
      Self.tell(outcome, isSingle: items.count == 1)
      if index + 1 < items.count { progress.show(done: index + 1, name: OutputPath.fileName(items[index + 1].input)) }
    }
    return outcomes
  }

  private static func tell(_ outcome: RunOutcome, isSingle: Bool) {
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

  private func report(_ outcomes: [RunOutcome], _ jobs: RunJobs) throws -> JSONValue {
    let failed = outcomes.count { $0.error != nil }
    return [
      "plan": .string(plan),
      "threads": .integer(threads.count),
      "jobs": .integer(jobs.count),
      "max_memory": JSONValue(maxMemory?.byteCount),
      "isa": .string(try InstructionSet.selected().rawValue),
      "restored": .integer(outcomes.count - failed),
      "failed": .integer(failed),
      "peak_rss_bytes": JSONValue(ProcessMemory.peakResidentBytes),
      "results": .array(outcomes.map(\.json)),
    ]
  }

  /// The error of the only picture as it is; of several, a summary.
  private func finish(_ outcomes: [RunOutcome], isSingle: Bool) throws {
    let errors = outcomes.compactMap(\.error)
    if outcomes.count == 1, let error = errors.first { throw error }
    if isSingle { return }
    let restored = outcomes.count - errors.count
    Console.note("\(restored) picture\(restored == 1 ? "" : "s") restored, \(errors.count) not")
    let categories = Set(errors.map(\.category))
    if let category = categories.first { throw CommandStop(categories.count == 1 ? category : .badInput) }
  }
}
