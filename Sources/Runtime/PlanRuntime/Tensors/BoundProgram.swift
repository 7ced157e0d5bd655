import CKernels
import ExecutionPlan
import PrimitiveOperators
import Tensors

/// A program bound to the sizes of its inputs: where every value lives, and the steps that make them.
final class BoundProgram: TeamJob, @unchecked Sendable {
  // Unchecked: the state of a run is written by worker 0 between barriers.
  let inputShapes: [[Int]]
  private let program: PrimitiveProgram
  private let workers: Workers
  private let steps: [any TensorStep]
  private let memory: TensorMemory
  private let threadScratch: Arena
  private let scratchBytes: Int
  private let times: UnsafeMutablePointer<UInt64>

  init(
    _ program: PrimitiveProgram, inputs: [ValueType], workers: Workers, kernels: UnsafePointer<evssm_kernels>,
    usesKernels: Bool, network: @escaping NetworkStep.Binding
  ) throws {
    self.program = program
    self.workers = workers
    inputShapes = inputs.map { $0.shape.map { $0.known ?? 0 } }
    let schedule = try ProgramSchedule(program, inputs: inputs, usesKernels: usesKernels, network: network)
    let memory = try TensorMemory(schedule)
    self.memory = memory
    steps = try schedule.steps.map { try $0.make(memory, kernels) }
    scratchBytes = try Checked.roundUp(max(64, steps.map(\.scratchByteCount).max() ?? 0), to: 4096)
    threadScratch = try Arena(byteCount: Checked.multiply(scratchBytes, workers.count))
    times = .allocate(capacity: steps.count + 1)
    times.initialize(repeating: 0, count: steps.count + 1)
  }

  deinit { times.deallocate() }

  var memoryByteCount: Int {
    memory.arenaByteCount + threadScratch.byteCount + steps.reduce(0) { $0 + $1.ownByteCount }
  }

  var stepSeconds: [(name: String, operation: String, seconds: Double)] {
    steps.indices.map { (steps[$0].name, steps[$0].operation, Double(times[$0 + 1] &- times[$0]) * 1e-9) }
  }

  func run(_ inputs: [Tensor]) throws -> [Tensor] {
    memory.begin(inputs)
    defer { memory.end() }
    // Not by worker 0: on a busy machine the others may have begun, or be done, before it wakes.
    times[0] = RunControl.now()
    workers.pool.run(self)
    if let error = memory.error { throw error }
    return try program.outputs.map { try memory.output($0) }
  }

  func run(worker: Int, team: Team) {
    let own = threadScratch.floats(at: worker * scratchBytes)
    for (index, step) in steps.enumerated() {
      // An error is seen behind the barrier of its step: all workers agree on which steps they leave out.
      if memory.failedStep >= index { step.run(worker: worker, team: team, scratch: own) }
      if worker == 0 { memory.step = index + 1 }
      if worker == 0 { times[index + 1] = RunControl.now() }
    }
  }
}

/// A step of a bound program. Every worker calls ``run(worker:team:scratch:)``; all return when the step is done.
protocol TensorStep: AnyObject, Sendable {
  var name: String { get }
  /// What the step does, such as `Conv` or `Mul, Add`.
  var operation: String { get }
  /// Private memory that each worker needs.
  var scratchByteCount: Int { get }
  /// Memory that the step holds beside the program's.
  var ownByteCount: Int { get }
  func run(worker: Int, team: Team, scratch: Floats)
}

extension TensorStep {
  var ownByteCount: Int { 0 }
}

/// Evaluates a node by the plain definition of its operator, on worker 0.
final class PlainStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  let scratchByteCount = 0
  private let node: PrimitiveProgram.Node
  private let memory: TensorMemory
  /// Values of the run that nothing behind this step needs.
  private let ends: [Int]

  init(_ node: PrimitiveProgram.Node, ends: [Int], memory: TensorMemory) {
    self.node = node
    self.ends = ends
    self.memory = memory
    name = node.name
    operation = node.call.type
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    if worker == 0 { evaluate() }
    team.barrier()
  }

  private func evaluate() {
    do {
      let results = try node.evaluate(node.inputs.map(memory.tensor))
      for (value, result) in zip(node.outputs, results) { try memory.store(result, as: value) }
      for value in ends { memory.forget(value) }
    } catch let error as EVSSMError {
      memory.fail(error.at(.init(node: node.name)))
    } catch {
      memory.fail(
        EVSSMError("runtime.step", "The step failed: \(error).", category: .internal, place: .init(node: node.name)))
    }
  }
}
