import CKernels
import ExecutionPlan
import Tensors

/// A plan bound to one size of picture: its arena, its resolved weights and its threads.
/// `run(input:output:control:trace:)` allocates nothing.
///
/// Not reentrant: one run at a time, from one thread at a time. Results are bit-identical for any number of threads.
public final class PlanSession: @unchecked Sendable {
  // Unchecked: mutable state is touched only inside run(), which the caller serialises.
  package let plan: LoadedPlan
  package let bound: BoundPlan
  package let instructionSet: InstructionSet
  package let workers: Workers
  private let arena: Arena
  private let threadScratch: Arena
  private let picture: PictureBinding
  private let job: PlanJob

  /// Binds a plan to a picture size: finds a stored binding or makes one, allocates the arena, resolves every pointer.
  ///
  /// Throws when the size is out of the plan's range, when memory is not to be had, or when `instructionSet` is not
  /// this processor's.
  /// - Complexity: O(steps), plus the arena's pages when they are first touched.
  package init(
    plan: LoadedPlan, height: Int, width: Int, workers: Workers, instructionSet: InstructionSet? = nil
  ) throws {
    self.plan = plan
    self.workers = workers
    self.instructionSet = try instructionSet ?? InstructionSet.selected()
    bound = try plan.binding(height: height, width: width)
    arena = try Arena(byteCount: bound.arenaByteCount)
    threadScratch = try Arena(byteCount: Checked.multiply(bound.threadScratchByteCount, workers.count))
    picture = PictureBinding(height: height, width: width)
    let context = ExecutorContext(
      plan: plan, bound: bound, arena: arena, picture: picture, kernels: try self.instructionSet.kernels())
    job = PlanJob(
      executors: try Executors.make(context), scratch: threadScratch,
      scratchBytes: bound.threadScratchByteCount)
  }

  /// Bytes that a session of this binding holds: ``memoryByteCount``, known before there is one.
  package static func memoryByteCount(_ bound: BoundPlan, threads: Int) throws -> Int {
    try Checked.add(bound.arenaByteCount, Checked.multiply(bound.threadScratchByteCount, threads))
  }

  public var height: Int { picture.height }
  public var width: Int { picture.width }
  /// Floats of a picture: 3 · height · width.
  public var pictureCount: Int { 3 * picture.height * picture.width }
  /// Bytes of feature maps and scratch memory, the threads' private memory included.
  public var memoryByteCount: Int { arena.byteCount + threadScratch.byteCount }

  /// Restores a picture: planar float32 (3, height, width), RGB, values in [0, 1]; the result is not clamped. `output` may be
  /// the memory of `input`, for the picture is read for the last time where, and just before, the result is written.
  ///
  /// Throws `runtime.buffer-size` when a buffer has another length; `runtime.cancelled` or `runtime.deadline` when
  /// `control` stopped the run, whose output is then worth nothing. The session can be used again in any case.
  /// `trace` must have been made for this session's workers. Allocates nothing.
  package func run(
    input: UnsafeBufferPointer<Float>, output: UnsafeMutableBufferPointer<Float>, control: RunControl? = nil,
    trace: RunTrace? = nil
  ) throws {
    guard input.count == pictureCount, output.count == pictureCount, let source = input.baseAddress,
      let target = output.baseAddress
    else { throw bufferSize }
    try run(.planes(input: source, output: target), control: control, trace: trace)
  }

  private var bufferSize: EVSSMError {
    EVSSMError(
      "runtime.buffer-size", "The session runs pictures of 3 × \(height) × \(width) values.", category: .usage)
  }

  private func run(_ content: PictureContent, control: RunControl?, trace: RunTrace?) throws {
    guard trace?.workerCount ?? workers.count == workers.count else {
      throw EVSSMError("runtime.trace", "The trace was made for another number of threads.", category: .usage)
    }
    picture.content = content
    defer { picture.content = nil }
    trace?.begin()
    job.begin()
    if let reason = control?.reason ?? workers.pool.run(job, control: control, trace: trace) { throw reason.error }
  }

  /// Restores a picture where it lies. What a run that was stopped leaves is worth nothing. Throws what
  /// ``run(input:output:control:trace:)`` throws. Allocates nothing, unless the array shares its memory.
  package func restore(_ planes: inout [Float], control: RunControl? = nil) throws {
    try planes.withUnsafeMutableBufferPointer { try run(input: UnsafeBufferPointer($0), output: $0, control: control) }
  }

  /// Restores a picture of 8 bits where it lies: 3 · height · width samples row by row, the R, G and B of a pixel side by side.
  ///
  /// The same, bit for bit, as a run on the planes of sample / 255 whose result is rounded to ⌊255 · clamp(value, 0, 1) + ½⌋,
  /// NaN to 0. What a run that was stopped leaves is worth nothing. Throws what ``run(input:output:control:trace:)`` throws.
  /// Allocates nothing, unless the array shares its memory.
  /// - Returns: how many values of the result were NaN or infinite.
  @discardableResult
  package func restore(samples: inout [UInt8], control: RunControl? = nil, trace: RunTrace? = nil) throws -> Int {
    try samples.withUnsafeMutableBufferPointer { samples in
      guard samples.count == pictureCount, let pixels = samples.baseAddress else { throw bufferSize }
      defer { _ = picture.takeNonFiniteCount() }
      try run(.samples(pixels), control: control, trace: trace)
      return picture.takeNonFiniteCount()
    }
  }

  /// Restores a picture as a part of a longer run of the same workers, in which every worker calls this. Returns when the
  /// picture is done.
  func run(worker: Int, team: Team, input: ConstFloats, output: Floats) {
    if worker == 0 {
      picture.content = .planes(input: input, output: output)
      job.begin()
    }
    team.barrier()
    job.run(worker: worker, team: team)
    team.barrier()
  }

  /// Restores a picture given and returned as an array. One allocation.
  package func run(_ input: [Float], control: RunControl? = nil) throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: pictureCount) { output, count in
      try input.withUnsafeBufferPointer { source in
        try run(input: source, output: UnsafeMutableBufferPointer(rebasing: output[..<pictureCount]), control: control)
      }
      count = pictureCount
    }
  }

  /// Runs with a call after every step, on the calling thread, with the step's result. For verification; allocates.
  package func run(_ input: [Float], observing: @escaping (Step, FeatureMap) -> Void) throws -> [Float] {
    job.observer = { [plan, bound, arena] index in
      guard let buffer = plan.plan.steps[index].operation.outputBuffer else { return }
      let map = bound.buffers[buffer.rawValue]
      let channels = plan.plan.buffers[buffer.rawValue].channels
      let pixels = UnsafePointer(arena.floats(at: map.byteOffset))
      observing(
        plan.plan.steps[index],
        FeatureMap(pixels: pixels, height: map.height, width: map.width, channels: channels, pitch: map.pitch))
    }
    defer { job.observer = nil }
    return try run(input)
  }

  /// Wall time of each step of the last run, in seconds.
  package var stepSeconds: [Double] { job.stepSeconds }
}

/// A step's result while an observer looks at it: upright NHWC pixels in the arena.
package struct FeatureMap {
  package let pixels: UnsafePointer<Float>
  package let height: Int
  package let width: Int
  package let channels: Int
  /// Floats a pixel.
  package let pitch: Int

  /// A copy as planar (channels, height, width).
  package func planes() -> [Float] {
    var out = [Float](repeating: 0, count: channels * height * width)
    for pixel in 0..<height * width {
      for channel in 0..<channels { out[channel * height * width + pixel] = pixels[pixel * pitch + channel] }
    }
    return out
  }
}

/// All steps of a plan, run by a team.
final class PlanJob: TeamJob, @unchecked Sendable {
  // Unchecked: `observer` and the times are touched by worker 0 only.
  private let executors: [any StepExecutor]
  private let scratch: Arena
  private let scratchBytes: Int
  private let times: UnsafeMutablePointer<UInt64>
  var observer: ((Int) -> Void)?

  init(executors: [any StepExecutor], scratch: Arena, scratchBytes: Int) {
    self.executors = executors
    self.scratch = scratch
    self.scratchBytes = scratchBytes
    times = .allocate(capacity: executors.count + 1)
    times.initialize(repeating: 0, count: executors.count + 1)
  }

  deinit { times.deallocate() }

  /// Starts the clock of the steps. Not by worker 0: on a busy machine the others may have begun before it wakes.
  func begin() { times[0] = RunControl.now() }

  func run(worker: Int, team: Team) {
    let own = scratch.floats(at: worker * scratchBytes)
    for index in executors.indices {
      team.trace?._withUnsafeGuaranteedRef { $0.enter(step: index, worker: worker) }
      executors[index].run(worker: worker, team: team, scratch: own)
      team.finish(worker: worker)
      if worker == 0 { times[index + 1] = RunControl.now() }
      if observer != nil {
        if worker == 0 { observer?(index) }
        team.barrier()
      }
    }
  }

  /// Zero for steps that a stopped run did not reach.
  var stepSeconds: [Double] {
    executors.indices.map { times[$0 + 1] > times[$0] ? Double(times[$0 + 1] - times[$0]) * 1e-9 : 0 }
  }
}
