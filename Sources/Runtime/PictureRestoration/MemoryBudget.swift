import ExecutionPlan
import PlanRuntime
import Tensors

/// The memory that restoring pictures may use, and what of it is spoken for.
package struct MemoryBudget: Sendable {
  package let total: MemorySize
  /// The program with its libraries and small objects, and the plan's file, which is mapped. The same for any number of
  /// jobs, so that results are.
  package let shared: Int
  private let planner: TilePlanner

  /// What a process takes that runs no picture, measured and rounded up.
  static let processByteCount = 42 << 20
  /// What each of several jobs takes beside its session and picture: stack and small objects.
  static let jobByteCount = 2 << 20

  package init(total: MemorySize, plan: LoadedPlan, threads: Int) {
    self.total = total
    shared = Self.processByteCount + (plan.fileByteCount ?? plan.weights.count)
    planner = TilePlanner(plan: plan, threads: threads)
  }

  /// What pictures may use.
  package var available: Int { total.byteCount - shared }

  /// What each of several jobs may use while all of them run.
  package func share(jobs: Int) -> Int { available / jobs - Self.jobByteCount }

  /// How a picture is run within the budget: in one piece if possible. The same for any number of jobs.
  ///
  /// Throws `run.max-memory` with the smallest budget that would do, and errors of the picture's structure and size.
  package func choice(for item: RestorationItem) throws -> TileChoice {
    let memory = try PictureMemory(item)
    let choice = try planner.choose(
      height: memory.height, width: memory.width, budget: available, whole: memory.whole, tiled: memory.tiled)
    if let choice { return choice }
    let smallest = try planner.smallest(
      height: memory.height, width: memory.width, whole: memory.whole, tiled: memory.tiled)
    let least = MemorySize(byteCount: try Checked.add(shared, smallest.byteCount))
    throw EVSSMError(
      "run.max-memory",
      "A picture of \(memory.width)x\(memory.height) cannot be run within \(total.inBinaryUnits) of memory; "
        + "\(least) is the least that would do.", category: .usage, place: .init(option: "--max-memory"),
      limit: "max_memory")
  }
}
