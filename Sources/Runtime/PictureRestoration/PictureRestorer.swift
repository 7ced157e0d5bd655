import ExecutionPlan
import Foundation
import PlanRuntime
import Tensors

/// Restores pictures in files with a plan of an EVSSM network: in one job or several at once, which share the weights and,
/// if there is one, the budget of memory.
///
/// Results do not depend on the number of jobs or threads. With a budget, each job may use its share of what is left of
/// it; a picture that needs more is run alone, with all threads.
public struct PictureRestorer: Sendable {
  /// Pictures that are restored at the same time.
  public let jobs: Int
  private let runners: [PictureRunner]
  /// For pictures that need more than a job's share; nil without a budget, and for a single job.
  private let alone: PictureRunner?
  private let budget: MemoryBudget?
  private let slots: JobSlots

  /// - Parameters:
  ///   - threads: shared out among the jobs, at least one each.
  ///   - jobs: pictures that are restored at the same time, at least 1.
  ///   - memory: what the whole process may use; nil for no budget. Pictures that need more are restored in tiles.
  /// - Throws: `runtime.threads` for a number of threads that cannot be.
  public init(plan: LoadedPlan, threads: Int, jobs: Int = 1, memory: MemorySize? = nil) throws {
    let count = max(jobs, 1)
    self.jobs = count
    budget = memory.map { MemoryBudget(total: $0, plan: plan, threads: threads) }
    slots = JobSlots(count: count)
    runners = try (0..<count).map { job in
      try Self.runner(plan, max((job + 1) * threads / count - job * threads / count, 1))
    }
    alone = memory == nil || count == 1 ? nil : try Self.runner(plan, threads)
  }

  private static func runner(_ plan: LoadedPlan, _ threads: Int) throws -> PictureRunner {
    PictureRunner(sessions: SessionCache(plan: plan, workers: try Workers(threads: threads)))
  }

  /// Restores every picture; calls `tell` with each outcome in the order of `items`, one at a time.
  ///
  /// An error of one picture is part of its outcome and does not touch the others.
  public func run(
    _ items: [RestorationItem], tell: @escaping @Sendable (Int, RestorationOutcome) -> Void = { _, _ in }
  ) -> [RestorationOutcome] {
    let queue = OutcomeQueue(items: items, tell: tell)
    let others = DispatchGroup()
    for job in 1..<jobs {
      others.enter()
      Thread.detachNewThread {
        work(job, queue)
        others.leave()
      }
    }
    work(0, queue)
    others.wait()
    return queue.outcomes
  }

  private func work(_ job: Int, _ queue: OutcomeQueue) {
    while let (index, item) = queue.next() { queue.finish(index, run(item, job)) }
  }

  private func run(_ item: RestorationItem, _ job: Int) -> RestorationOutcome {
    guard let budget else { return runners[job].run(item, nil) }
    let choice: TileChoice
    do { choice = try slots.holding(1) { try budget.choice(for: item) } } catch {
      return RestorationOutcome.catching(item) { _ in throw error }
    }
    guard let alone, choice.byteCount > budget.share(jobs: jobs) else {
      return slots.holding(1) { runners[job].run(item, choice) }
    }
    return slots.holding(jobs) {
      runners.forEach { $0.forgetSessions() }
      defer { alone.forgetSessions() }
      return alone.run(item, choice)
    }
  }
}

/// Hands out pictures in order, and passes their outcomes on in that order.
private final class OutcomeQueue: @unchecked Sendable {
  // Unchecked: all mutable members are touched under the lock.
  private let items: [RestorationItem]
  private let tell: @Sendable (Int, RestorationOutcome) -> Void
  private let lock = NSLock()
  private var taken = 0
  private var told = 0
  private var finished: [RestorationOutcome?]

  init(items: [RestorationItem], tell: @escaping @Sendable (Int, RestorationOutcome) -> Void) {
    self.items = items
    self.tell = tell
    finished = Array(repeating: nil, count: items.count)
  }

  func next() -> (index: Int, item: RestorationItem)? {
    lock.lock()
    defer { lock.unlock() }
    guard taken < items.count else { return nil }
    defer { taken += 1 }
    return (taken, items[taken])
  }

  func finish(_ index: Int, _ outcome: RestorationOutcome) {
    lock.lock()
    defer { lock.unlock() }
    finished[index] = outcome
    while told < items.count, let outcome = finished[told] {
      tell(told, outcome)
      told += 1
    }
  }

  /// All outcomes, once every picture is finished.
  var outcomes: [RestorationOutcome] { lock.withLock { finished.compactMap(\.self) } }
}
