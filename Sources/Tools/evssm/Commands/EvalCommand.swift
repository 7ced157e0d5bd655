import ArgumentParser
import ExecutionPlan
import Foundation
import Imaging
import PictureEvaluation
import PictureRestoration
import PlanRuntime
import Tensors

/// `evssm eval`: how close a plan's results come to sharp pictures.
struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure a plan on pairs of blurred and sharp pictures: PSNR and SSIM.",
    discussion: """
      The folder DATA holds input/ with blurred and target/ with sharp pictures, .png or .jpg, named alike. Every \
      picture is restored, rounded to 8 bits, and compared with its target in RGB: PSNR, and SSIM with Gaussian weights \
      (sigma 1.5, 11x11). Means are over pictures. A pair that cannot be measured does not stop the others; the exit \
      code is then 65.

      --align follows the protocol of RealBlur, whose pairs come from two shots: intensity and a homography are fitted \
      first. docs/evaluation.md tells how papers' figures are reproduced.

        $ evssm eval shake.plan --data pairs --limit 3 --report page.html
        picture       size  input PSNR   PSNR   gain  input SSIM    SSIM  seconds
        Brushes-1  640x480       23.87  24.09  +0.23      0.7146  0.7244     2.04
        Dune-3     640x480       26.01  26.22  +0.21      0.7593  0.7642     2.27
        Kleiber-2  640x480       27.26  28.07  +0.81      0.8629  0.8771     1.86
        mean of 3                25.71  26.13  +0.42      0.7789  0.7886     2.06
      """)

  @Argument(help: "A file that `evssm compile` wrote.")
  var plan: String

  @Option(help: ArgumentHelp("The folder with input/ and target/.", valueName: "dir"))
  var data: String

  @Flag(help: "Fit intensity and a homography before measuring, as for RealBlur.")
  var align = false

  @Option(help: ArgumentHelp("Write an HTML page with the figures and pictures.", valueName: "file"))
  var report: String?

  @Option(
    help: ArgumentHelp("Pictures on the page: those with the largest and the smallest gain.", valueName: "n"))
  var reportPictures = 12

  @Option(name: .shortAndLong, help: ArgumentHelp("Write the restored pictures into a folder.", valueName: "dir"))
  var output: String?

  @Option(help: ArgumentHelp("Measure only so many pairs, spread evenly.", valueName: "n"))
  var limit: Int?

  @OptionGroup var threads: ThreadOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit \(limit) is below 1.") }
    if !(0...1000).contains(reportPictures) {
      throw ValidationError("--report-pictures \(reportPictures) is not between 0 and 1000.")
    }
  }

  func run() throws {
    let found = try EvaluationPairs(folder: data)
    let pairs = Self.spread(found.pairs, limit)
    try checkOutputs(pairs)
    if !found.areMatchedByName { Console.note("names in input/ and target/ differ: paired in their order") }
    let loaded = try OpenedPlan.open(plan)
    let workers = try threads.workers()
    try makeFolder()
    let evaluation = Evaluation(
      plan: plan, data: data, alignment: align ? .homography : .none,
      outcomes: evaluate(pairs, SessionCache(plan: loaded, workers: workers)))
    if let report { try OutputFile.write(Array(EvaluationPage(evaluation).html.utf8), to: report) }
    let instructionSet = try InstructionSet.selected().rawValue
    try Console.output(
      json
        ? evaluation.json(threads: workers.count, instructionSet: instructionSet).text
        : evaluation.lines.joined(separator: "\n"))
    try finish(evaluation)
  }

  /// At most `limit` of the pairs, evenly spread over them.
  static func spread(_ pairs: [EvaluationPair], _ limit: Int?) -> [EvaluationPair] {
    guard let limit, limit < pairs.count else { return pairs }
    return (0..<limit).map { pairs[$0 * pairs.count / limit] }
  }

  private func checkOutputs(_ pairs: [EvaluationPair]) throws {
    let inputs = [plan] + pairs.flatMap { [$0.input, $0.target] }
    if let report { try Paths.check(report, isNoneOf: inputs) }
    guard let output else { return }
    for pair in pairs { try Paths.check(Paths.joined(output, pair.name + ".png"), isNoneOf: inputs) }
  }

  private func makeFolder() throws {
    if let output { try PictureFile.makeFolder(output) }
  }

  private func evaluate(_ pairs: [EvaluationPair], _ sessions: SessionCache) -> [PairOutcome] {
    var evaluator = PairEvaluator(sessions: sessions, alignment: align ? .homography : .none, output: output)
    var kept = ExtremePictures(capacity: report == nil ? 0 : reportPictures)
    let progress = ProgressBar(total: pairs.count)
    var outcomes: [PairOutcome] = []
    for (index, pair) in pairs.enumerated() {
      progress.show(done: index, name: pair.name)
      outcomes.append(evaluator.evaluate(pair, keepsPictures: kept.capacity > 0))
      progress.clear()
      if let error = outcomes[index].error { Console.error(error.description) }
      for dropped in kept.insert(outcomes[index].gain, at: index) { outcomes[dropped].pictures = nil }
    }
    return outcomes
  }

  private func finish(_ evaluation: Evaluation) throws {
    let errors = evaluation.errors
    guard let first = errors.first else { return }
    Console.note("\(evaluation.measured.count) measured, \(errors.count) not")
    throw CommandStop(Set(errors.map(\.category)).count == 1 ? first.category : .badInput)
  }
}
