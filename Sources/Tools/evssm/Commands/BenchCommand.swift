import ArgumentParser
import ExecutionPlan
import JSON
import ModelCompiler
import PlanRuntime
import Tensors

/// `evssm bench`: how fast a plan runs, against the peak of the machine at the same moment.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure a plan: time, share of the processor's peak, memory.",
    discussion: """
      Runs the plan on seeded noise once to warm up, then several times. The peak is that of fused multiply-adds \
      on the same threads, measured right after. Multiply-adds count the network's work once: what overlapping windows \
      share is not counted again.

        $ evssm bench deblurring.plan --size 256x256 --threads 2
        picture      256x256
        threads      2, avx512bf16
        precision    float32
        time         1.8322 s median of 5 (1.7828 to 2.0767)
        work         125.50 GMAC
        rate         68.5 GMAC/s, 59.9 % of the peak
        peak         114.4 GMAC/s of float32, measured in this process
        arena        25.9 MiB, lower bound 25.9 MiB
        weights      65.8 MiB
        peak memory  120.9 MiB
        allocations  0 a run

      With --profile, the steps are those of the run whose time is the median; their times add up to it; the \
      first step's includes waking the threads. Bytes moved are those of the maps and weights of a step, once each.

      A plan of a graph that runs node by node gets noise as well; --size is the size of its picture, and --axis says how \
      large other axes without a number are.

        $ evssm bench denoise.plan --size 256x256 --profile
      """)

  @Argument(help: "A file that `evssm compile` wrote.")
  var plan: String

  @Option(help: ArgumentHelp("The size of the picture.", valueName: "WxH"))
  var size: PictureSize

  @Option(
    help: ArgumentHelp(
      "The size of an axis of a graph that runs node by node; may be repeated.", valueName: "name=size"))
  var axis: [AxisSize] = []

  @OptionGroup var threads: ThreadOption

  @Option(help: "How often to run the plan.")
  var runs = 5

  @Flag(help: "Add time, rate, bytes moved and share of every step.")
  var profile = false

  @Option(
    help: ArgumentHelp(
      "Run once more and write when each thread did what, for chrome://tracing or ui.perfetto.dev.", valueName: "file"))
  var trace: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if !(1...10_000).contains(runs) { throw ValidationError("--runs \(runs) is not between 1 and 10000.") }
  }

  func run() throws {
    if let trace { try Paths.check(trace, isNoneOf: [plan]) }
    let start = ContinuousClock.now
    let plan = try OpenedPlan.open(plan)
    let openSeconds = (ContinuousClock.now - start).seconds
    if let graph = plan.plan.graph { return try run(graph, plan, openSeconds) }
    guard axis.isEmpty else { throw failure("--axis is for graphs that run node by node. Leave it out.", "--axis") }
    let session = try PlanSession(plan: plan, height: size.height, width: size.width, workers: threads.workers())
    // Before and after: what else the machine does must not make the peak look lower than it is.
    let before = try PeakProbe.multiplyAddsPerSecond(workers: session.workers, instructionSet: session.instructionSet)
    let measurement = try Measurement(session, runs: runs)
    let after = try PeakProbe.multiplyAddsPerSecond(workers: session.workers, instructionSet: session.instructionSet)
    let work = try session.bound.multiplyAdds(of: plan.plan)
    let bytes = try session.bound.bytesMoved(of: plan.plan)
    let report = BenchReport(
      session: session, measurement: measurement, stepMultiplyAdds: work, stepBytes: bytes, peak: max(before, after),
      openSeconds: openSeconds)
    if let trace {
      let phases = try Measurement.trace(session)
      try ChromeTrace(steps: plan.plan.steps, multiplyAdds: work, bytesMoved: bytes, trace: phases).write(to: trace)
    }
    try tell(report.json(profile: profile), report.lines(profile: profile))
  }

  private func run(_ graph: TensorGraph, _ plan: LoadedPlan, _ openSeconds: Double) throws {
    guard trace == nil else { throw failure("--trace is for plans of EVSSM networks. Leave it out.", "--trace") }
    let inputs = try GraphNoise(size: size, axes: axis).inputs(graph.inputs)
    let session = try TensorSession(plan: plan, workers: threads.workers())
    let measurement = try GraphMeasurement(session, inputs, runs: runs)
    let report = GraphBenchReport(session: session, inputs: inputs, measurement: measurement, openSeconds: openSeconds)
    try tell(report.json(profile: profile), report.lines(profile: profile))
  }

  private func failure(_ message: String, _ option: String) -> EVSSMError {
    EVSSMError("bench.option", message, category: .usage, place: .init(file: plan, option: option))
  }

  private func tell(_ object: JSONValue, _ lines: [String]) throws {
    if json { try Console.output(object) } else { try Console.output(lines.joined(separator: "\n")) }
  }
}
