import ExecutionPlan
import Foundation
import PlanRuntime
import Tensors

/// Runs pictures in several jobs at once, which share the weights and, if there is one, the budget of memory.
///
/// Results do not depend on the number of jobs or threads. With a budget, each job may use its share of what is left of
/// it; a picture that needs more is run alone, with all threads.
struct RunJobs {
  let count: Int
  private let runners: [PictureRunner]
  /// For pictures that need more than a job's share; nil without a budget, and for a single job.
  private let alone: PictureRunner?
  private let budget: MemoryBudget?
  private let slots: JobSlots

  /// - Parameters:
  ///   - count: jobs, at least 1.
  ///   - threads: shared out among the jobs, at least one each.
  init(count: Int, threads: Int, plan: LoadedPlan, budget: MemoryBudget?) throws {
    self.count = count
    self.budget = budget
    slots = JobSlots(count: count)
    runners = try (0..<count).map { job in
      try Self.runner(plan, max((job + 1) * threads / count - job * threads / count, 1))
    }
    alone = budget == nil || count == 1 ? nil : try Self.runner(plan, threads)
  }

  private static func runner(_ plan: LoadedPlan, _ threads: Int) throws -> PictureRunner {
    PictureRunner(sessions: SessionCache(plan: plan, workers: try Workers(threads: threads)))
  }

  /// Restores every picture; calls `tell` with each outcome in the order of `items`, one at a time.
  func run(_ items: [RunItem], tell: @escaping @Sendable (Int, RunOutcome) -> Void) -> [RunOutcome] {
    let queue = OutcomeQueue(items: items, tell: tell)
    let others = DispatchGroup()
    for job in 1..<max(count, 1) {
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

  private func run(_ item: RunItem, _ job: Int) -> RunOutcome {
    guard let budget else { return runners[job].run(item, nil) }
    let choice: TileChoice
    do { choice = try slots.holding(1) { try budget.choice(for: item) } } catch {
      return RunOutcome.catching(item) { _ in throw error }
    }
    guard let alone, choice.byteCount > budget.share(jobs: count) else {
      return slots.holding(1) { runners[job].run(item, choice) }
    }
    return slots.holding(count) {
      runners.forEach { $0.forgetSessions() }
      defer { alone.forgetSessions() }
      return alone.run(item, choice)
    }
  }
}

/// Hands out pictures in order, and passes their outcomes on in that order.
private final class OutcomeQueue: @unchecked Sendable {
  // Unchecked: all mutable members are touched under the lock.
  private let items: [RunItem]
  private let tell: @Sendable (Int, RunOutcome) -> Void
  private let lock = NSLock()
  private var taken = 0
  private var told = 0
  private var finished: [RunOutcome?]

  init(items: [RunItem], tell: @escaping @Sendable (Int, RunOutcome) -> Void) {
    self.items = items
    self.tell = tell
    finished = Array(repeating: nil, count: items.count)
  }

  func next() -> (index: Int, item: RunItem)? {
    lock.lock()
    defer { lock.unlock() }
    guard taken < items.count else { return nil }
    defer { taken += 1 }
    return (taken, items[taken])
  }

  func finish(_ index: Int, _ outcome: RunOutcome) {
    lock.lock()
    defer { lock.unlock() }
    finished[index] = outcome
    while told < items.count, let outcome = finished[told] {
      tell(told, outcome)
      told += 1
    }
  }

  /// All outcomes, once every picture is finished.
  var outcomes: [RunOutcome] { lock.withLock { finished.compactMap(\.self) } }
}
