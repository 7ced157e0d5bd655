import ExecutionPlan
import GraphIR
import PlanRuntime
import Tensors
import Testing

@testable import GraphCompiler

/// Stages that write over their input, against the same stages with a map of their own for every result.
@Suite struct InPlaceTests {
  private struct Case {
    let height: Int
    let width: Int
    var schedule = Schedule()
    var precision = Precision.float32
    /// Of the feed-forward stages, over what the compiler would choose.
    var frame: Frame?
  }

  /// Runs the graph both ways with several numbers of threads; all results must agree bit for bit.
  private func check(_ graph: Graph, _ given: Case) throws {
    let (plan, storage) = try Self.emit(graph, given)
    #expect(plan.inPlaceCount > 0)
    let apart = plan.withAMapForEveryResult()
    #expect(apart.inPlaceCount == 0)
    var numbers = SeededNumbers(seed: 9)
    let picture = numbers.picture(height: given.height, width: given.width)
    for set in InstructionSet.available {
      func session(_ plan: Plan, threads: Int) throws -> PlanSession {
        try PlanSession(
          plan: LoadedPlan(plan: plan, weights: storage), height: given.height, width: given.width,
          workers: Workers(threads: threads), instructionSet: set)
      }
      let expected = try session(apart, threads: 2).run(picture)
      for threads in [1, 2, 3, 5] {
        let session = try session(plan, threads: threads)
        for _ in 0..<2 {
          #expect(try session.run(picture) == expected, "\(set), \(threads) threads, \(given.height)×\(given.width)")
        }
      }
    }
  }

  private static func emit(_ graph: Graph, _ given: Case) throws -> (plan: Plan, weights: TensorStorage) {
    let description = ModelDescription(
      architecture: "test", hyperparameters: [], parameterCount: 0, windows: .released, minimumSide: 20)
    let settings = PlanSettings(schedule: given.schedule, precision: given.precision)
    let compiled = try PlanCompiler.compile(fused: graph, model: description, settings)
    var plan = compiled.plan
    for index in plan.steps.indices {
      guard let frame = given.frame, var stage = plan.steps[index].operation as? ExecutionPlan.FeedForwardStage else {
        continue
      }
      stage.frame = frame
      plan.steps[index].operation = stage
    }
    return (plan, compiled.weights)
  }

  private static let sizes = [(20, 24), (29, 45), (43, 150), (96, 33), (131, 77)]

  @Test(arguments: Frame.all, [16, 64])
  func feedForwardStages(frame: Frame, columns: Int) throws {
    var stages = try StageGraph(channels: 24, seed: 5)
    try stages.feedForwardStage(frame: .upright, hidden: 40)
    try stages.feedForwardStage(frame: .upright, hidden: 33)
    let graph = try stages.finished()
    for (height, width) in Self.sizes {
      var given = Case(height: height, width: width, frame: frame)
      given.schedule.feedForwardColumns = columns
      try check(graph, given)
    }
  }

  /// Panels of 72 columns and more, whose last tile may be a pixel of halo alone.
  @Test(arguments: [1, 2, 8], [72, 80])
  func feedForwardStagesOfWidePanels(rows: Int, columns: Int) throws {
    var stages = try StageGraph(channels: 16, seed: 6)
    try stages.feedForwardStage(frame: .init(halfTurned: true), hidden: 24)
    let graph = try stages.finished()
    for (height, width) in [(24, 90), (45, 250)] {
      var given = Case(height: height, width: width)
      given.schedule.feedForwardRows = rows
      given.schedule.feedForwardColumns = columns
      try check(graph, given)
    }
  }

  /// Behind a halving, where matrices are rounded.
  @Test(arguments: [false, true])
  func roundedFeedForwardStages(halfTurned: Bool) throws {
    var stages = try StageGraph(channels: 24, seed: 7)
    try stages.downAndUp(kernelSide: 3)
    try stages.feedForwardStage(frame: .init(halfTurned: halfTurned), hidden: 40)
    try stages.feedForwardStage(frame: .init(halfTurned: !halfTurned), hidden: 40)
    let graph = try stages.finished()
    for (height, width) in Self.sizes {
      var given = Case(height: height, width: width, precision: .bfloat16)
      given.schedule.feedForwardColumns = 16
      try check(graph, given)
    }
  }

  /// One window, with strips of several lengths.
  @Test(arguments: Frame.all, [nil, 200])
  func scanStages(frame: Frame, windowSide: Int?) throws {
    for strip in [1, 100, 2000] {
      var stages = try StageGraph(channels: 24, seed: 14)
      try stages.scanStage(frame: frame, windowSide: windowSide)
      try stages.scanStage(frame: .init(transposed: true), windowSide: windowSide)
      let graph = try stages.finished()
      for (height, width) in [(20, 21), (44, 53), (21, 130)] {
        var given = Case(height: height, width: width)
        given.schedule.scanStripPixels = strip
        try check(graph, given)
      }
    }
  }

  /// A map that is skipped across is not written over.
  @Test func aMapThatIsStillNeededIsKept() throws {
    var stages = try StageGraph(channels: 16, seed: 8)
    try stages.feedForwardStage(frame: .upright, hidden: 24)
    let skip = stages.map
    try stages.feedForwardStage(frame: .upright, hidden: 24)
    try stages.feedForwardStage(frame: .upright, hidden: 24)
    try stages.downAndUp(kernelSide: 1, skip: skip)
    let graph = try stages.finished()
    let given = Case(height: 37, width: 90)
    let operations = try Self.emit(graph, given).plan.steps.map(\.operation)
    #expect(operations.map(\.isInPlace) == [false, true, false, true, false, true, false])
    try check(graph, given)
  }

  /// Many threads have many segments, whose edges' rows lie in the memory of all of them.
  @Test func manyThreads() throws {
    var stages = try StageGraph(channels: 16, seed: 10)
    try stages.feedForwardStage(frame: .upright, hidden: 24)
    let graph = try stages.finished()
    let (plan, storage) = try Self.emit(graph, Case(height: 203, width: 40))
    let loaded = try LoadedPlan(plan: plan, weights: storage)
    var numbers = SeededNumbers(seed: 11)
    let picture = numbers.picture(height: 203, width: 40)
    let results = try [1, 4, 7, 16].map { threads in
      try PlanSession(plan: loaded, height: 203, width: 40, workers: Workers(threads: threads)).run(picture)
    }
    for result in results.dropFirst() { #expect(result == results[0]) }
  }
}

extension Plan {
  fileprivate var inPlaceCount: Int { steps.count { $0.operation.isInPlace } }

  /// The same plan with a new buffer for every result that is written over a map.
  fileprivate func withAMapForEveryResult() -> Plan {
    var plan = self
    /// The buffer that has the latest content of another.
    var current: [BufferID: BufferID] = [:]
    func latest(_ buffer: BufferID) -> BufferID { current[buffer] ?? buffer }
    func place(_ input: BufferID, _ output: BufferID) -> BufferID {
      guard input == output else { return output }
      plan.buffers.append(plan.buffers[input.rawValue])
      let id = BufferID(rawValue: plan.buffers.count - 1)
      current[output] = id
      return id
    }
    for index in plan.steps.indices {
      let operation = plan.steps[index].operation
      if var step = operation as? ExecutionPlan.OutputConvolution {
        step.input = latest(step.input)
        plan.steps[index].operation = step
      } else if var step = operation as? ExecutionPlan.HalveConvolution {
        step.input = latest(step.input)
        plan.steps[index].operation = step
      } else if var step = operation as? ExecutionPlan.DoubleConvolution {
        (step.input, step.skip, step.output) = (latest(step.input), latest(step.skip), place(step.skip, step.output))
        plan.steps[index].operation = step
      } else if var step = operation as? ExecutionPlan.ScanStage {
        (step.input, step.output) = (latest(step.input), place(step.input, step.output))
        plan.steps[index].operation = step
      } else if var step = operation as? ExecutionPlan.FeedForwardStage {
        (step.input, step.output) = (latest(step.input), place(step.input, step.output))
        plan.steps[index].operation = step
      }
    }
    return plan
  }
}
