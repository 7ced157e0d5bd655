import ArgumentParser
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
      its format. Several files, or a folder, go to the folder OUT, which is made if need be, under the names they have; \
      a file that cannot be restored does not stop the others, and the exit code is then 65.

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

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let layout = try RunItems(inputs: inputs, output: output)
    for item in layout.items { try OutputPath.check(item.output, isNoneOf: [plan]) }
    let plan = try OpenedPlan.open(plan)
    let workers = try threads.workers()
    try makeFolder(layout.folder)
    let outcomes = restore(layout.items, SessionCache(plan: plan, workers: workers))
    if json { try Console.output(report(outcomes, threads: workers.count)) }
    try finish(outcomes, isSingle: layout.folder == nil)
  }

  private func makeFolder(_ folder: String?) throws {
    guard let folder else { return }
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw EVSSMError(
        "run.output", "The folder cannot be made: \(error.localizedDescription)", category: .inputOutput,
        place: .init(file: folder))
    }
  }

  private func restore(_ items: [RunItem], _ sessions: SessionCache) -> [RunOutcome] {
    var runner = PictureRunner(sessions: sessions)
    let progress = ProgressBar(total: items.count)
    return items.enumerated().map { index, item in
      progress.show(done: index, name: OutputPath.fileName(item.input))
      let outcome = runner.run(item)
      progress.clear()
      tell(outcome, isSingle: items.count == 1)
      return outcome
    }
  }

  private func tell(_ outcome: RunOutcome, isSingle: Bool) {
    let output = EVSSMError.escaped(outcome.item.output)
    for note in outcome.notes { Console.note("\(output): \(note)") }
    if let error = outcome.error {
      if !isSingle { Console.error(error.description) }
    } else if let width = outcome.width, let height = outcome.height, let seconds = outcome.seconds {
      Console.note("\(output): \(width)x\(height) in \(Format.fixed(seconds, 2)) s")
    }
  }

  private func report(_ outcomes: [RunOutcome], threads: Int) throws -> JSONValue {
    let failed = outcomes.count { $0.error != nil }
    return [
      "plan": .string(plan),
      "threads": .integer(threads),
      "isa": .string(try InstructionSet.selected().rawValue),
      "restored": .integer(outcomes.count - failed),
      "failed": .integer(failed),
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
