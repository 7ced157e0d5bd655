/// A few threads for work that would hold up others: parsing, decoding, encoding, opening files.
package final class BlockingPool: Sendable {
  private struct State {
    var work: [@Sendable () -> Void] = []
    var first = 0
    var isClosed = false
  }

  private let monitor = Monitor(State())

  /// Throws when the threads cannot be started.
  package init(threads: Int) throws {
    for index in 0..<threads {
      try startThread("convert-\(index)") { [monitor] in
        while let work = Self.next(monitor) { work() }
      }
    }
  }

  deinit { monitor.update { $0.isClosed = true } }

  private static func next(_ monitor: Monitor<State>) -> (@Sendable () -> Void)? {
    monitor.wait { state -> (@Sendable () -> Void)?? in
      if state.first < state.work.count {
        let work = state.work[state.first]
        state.work[state.first] = {}
        state.first += 1
        if state.first == state.work.count { (state.work, state.first) = ([], 0) }
        return .some(work)
      }
      return state.isClosed ? .some(nil) : nil
    }
  }

  /// Runs `body` on one of the threads, in order of arrival.
  package func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      monitor.update { state in
        state.work.append { continuation.resume(with: Swift.Result { try body() }) }
      }
    }
  }
}
