import Synchronization

/// A bound on the bytes of requests that are being read, converted or waiting.
package final class ByteBudget: Sendable {
  package let limit: Int
  private let used = Mutex(0)

  package init(limit: Int) { self.limit = limit }

  package var usedBytes: Int { used.withLock { $0 } }

  /// Sets bytes aside as long as the result lives. Throws `overloaded` when there are not as many.
  package func reserve(_ bytes: Int) throws -> Reservation {
    let reservation = Reservation(self)
    try reservation.grow(by: bytes)
    return reservation
  }

  fileprivate func take(_ bytes: Int) throws {
    try used.withLock { used in
      let (sum, overflow) = used.addingReportingOverflow(bytes)
      guard !overflow, sum <= limit else {
        throw ServingError(
          .overloaded, "Requests hold \(limit >> 20) MiB at most; others hold them now. [limit max_buffered]",
          retryAfter: 1)
      }
      used = sum
    }
  }

  fileprivate func giveBack(_ bytes: Int) { used.withLock { $0 -= bytes } }

  /// Bytes of a ``ByteBudget``, given back when it goes.
  package final class Reservation: Sendable {
    private let budget: ByteBudget
    private let bytes = Mutex(0)

    fileprivate init(_ budget: ByteBudget) { self.budget = budget }

    deinit { budget.giveBack(bytes.withLock { $0 }) }

    package func grow(by more: Int) throws {
      try budget.take(more)
      bytes.withLock { $0 += more }
    }
  }
}
