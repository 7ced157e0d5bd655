import Foundation

/// Shares of memory that jobs hold while they work on a picture: one, or all of them for a picture that needs more than
/// a share. Given out in the order of asking, so that a picture that needs all is not put off for ever.
final class JobSlots: @unchecked Sendable {
  // Unchecked: all members are touched under the condition's lock.
  let count: Int
  private let condition = NSCondition()
  private var free: Int
  private var nextTicket = 0
  private var serving = 0

  init(count: Int) {
    self.count = count
    free = count
  }

  /// Waits until `number` of the slots are free, takes them, calls `body`, and gives them back.
  func holding<Result>(_ number: Int, _ body: () throws -> Result) rethrows -> Result {
    take(number)
    defer { giveBack(number) }
    return try body()
  }

  private func take(_ number: Int) {
    condition.lock()
    defer { condition.unlock() }
    let ticket = nextTicket
    nextTicket += 1
    while serving != ticket || free < number { condition.wait() }
    serving += 1
    free -= number
    condition.broadcast()
  }

  private func giveBack(_ number: Int) {
    condition.lock()
    defer { condition.unlock() }
    free += number
    condition.broadcast()
  }
}
