import ExecutionPlan
import GraphIR
import PlanRuntime
import ReferenceInterpreter
import Tensors
import Testing

@testable import GraphCompiler

/// Each fused stage, through the plan, against the reference interpreter in float64.
@Suite struct StageTests {
  /// Runs a graph both ways on every instruction set with one, two and three threads; all threads must agree bit for
  /// bit.
  private func check(_ graph: Graph, height: Int, width: Int, seed: UInt64, schedule: Schedule = Schedule()) throws {
    var numbers = SeededNumbers(seed: seed)
    let picture = numbers.picture(height: height, width: width)
    let expected = try Interpreter<Double>(graph).run([
      ReferenceArray(shape: [1, 3, height, width], elements: picture.map(Double.init))
    ])[0].elements
    let plan = try Self.load(graph, schedule: schedule)
    for set in InstructionSet.available {
      var first: [Float]?
      for threads in 1...3 {
        let session = try PlanSession(
          plan: plan, height: height, width: width, workers: Workers(threads: threads), instructionSet: set)
        let output = try session.run(picture)
        let difference = zip(output, expected).map { abs(Double($0) - $1) }.max() ?? 0
        #expect(difference < 2e-5, "\(set) \(threads) threads, \(height)×\(width)")
        #expect(output.allSatisfy { $0.isFinite })
        #expect(first == nil || first == output, "\(set) with \(threads) threads differs")
        let second = try session.run(picture)
        #expect(second == output, "a second run differs")
        first = output
      }
    }
  }

  static func load(_ graph: Graph, schedule: Schedule) throws -> LoadedPlan {
    let description = ModelDescription(
      architecture: "test", hyperparameters: [], parameterCount: 0, windows: .released, minimumSide: 20)
    return try PlanCompiler.compile(fused: graph, model: description, PlanSettings(schedule: schedule)).loaded()
  }

  @Test(arguments: Frame.all, [nil, 9, 24])
  func scanStage(frame: Frame, windowSide: Int?) throws {
    var stages = try StageGraph(channels: 24, seed: 1)
    try stages.scanStage(frame: frame, windowSide: windowSide)
    try check(stages.finished(), height: 44, width: 53, seed: 2)
  }

  @Test(arguments: [(20, 20), (21, 130), (131, 20), (70, 77)])
  func scanStageInStrips(height: Int, width: Int) throws {
    for strip in [1, 100, 2000] {
      var schedule = Schedule()
      schedule.scanStripPixels = strip
      var stages = try StageGraph(channels: 16, seed: 3)
      try stages.scanStage(frame: .init(transposed: true), windowSide: nil)
      try stages.scanStage(frame: .init(halfTurned: true), windowSide: 30)
      try check(stages.finished(), height: height, width: width, seed: 4, schedule: schedule)
    }
  }

  /// Wide enough that two threads scan a half of the columns each and hand batches of channels on.
  @Test(arguments: [1, 100, 2000], [32, 63, 90])
  func scanStageByHalves(strip: Int, width: Int) throws {
    var schedule = Schedule()
    schedule.scanStripPixels = strip
    var stages = try StageGraph(channels: 56, seed: 5)
    try stages.scanStage(frame: .init(), windowSide: nil)
    try stages.scanStage(frame: .init(transposed: true, halfTurned: true), windowSide: 40)
    try check(stages.finished(), height: 41, width: width, seed: 7, schedule: schedule)
  }

  @Test(arguments: Frame.all, [24, 63])
  func feedForwardStage(frame: Frame, hidden: Int) throws {
    var stages = try StageGraph(channels: 24, seed: 5)
    try stages.feedForwardStage(frame: frame, hidden: hidden)
    let graph = try stages.finished()
    for (height, width) in [(20, 24), (29, 45), (43, 150)] {
      try check(graph, height: height, width: width, seed: 6)
    }
  }

  @Test(arguments: [1, 2, 4, 8], [16, 64])
  func feedForwardStageInStrips(rows: Int, columns: Int) throws {
    var stages = try StageGraph(channels: 16, seed: 5)
    try stages.feedForwardStage(frame: .init(halfTurned: true), hidden: 40)
    var schedule = Schedule()
    schedule.feedForwardRows = rows
    schedule.feedForwardColumns = columns
    let graph = try stages.finished()
    for (height, width) in [(20, 24), (33, 81), (41, 150)] {
      try check(graph, height: height, width: width, seed: 6, schedule: schedule)
    }
  }

  @Test(arguments: [(20, 20), (45, 70), (23, 150)])
  func thePictureMayBeWrittenOver(height: Int, width: Int) throws {
    var stages = try StageGraph(channels: 16, seed: 12)
    try stages.feedForwardStage(frame: .upright, hidden: 24)
    let plan = try Self.load(stages.finished(), schedule: Schedule())
    var numbers = SeededNumbers(seed: 13)
    let picture = numbers.picture(height: height, width: width)
    for threads in 1...3 {
      let session = try PlanSession(plan: plan, height: height, width: width, workers: Workers(threads: threads))
      var planes = picture
      try session.restore(&planes)
      #expect(try session.run(picture) == planes)
    }
  }

  @Test(arguments: [1, 3])
  func downAndUp(kernelSide: Int) throws {
    var stages = try StageGraph(channels: 24, seed: 7)
    try stages.downAndUp(kernelSide: kernelSide)
    let graph = try stages.finished()
    for (height, width) in [(20, 20), (45, 70), (22, 300)] {
      try check(graph, height: height, width: width, seed: 8)
    }
  }
}
