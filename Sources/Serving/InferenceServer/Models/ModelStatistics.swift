import Synchronization

/// What a model has done since it was loaded. Times are cumulative, in nanoseconds, as in the statistics extension of
/// the Open Inference Protocol.
package final class ModelStatistics: Sendable {
  /// A count and a sum of times.
  package struct Total: Sendable, Hashable {
    package var count = 0
    package var nanoseconds: UInt64 = 0

    mutating func add(_ time: UInt64) {
      count += 1
      nanoseconds += time
    }
  }

  /// Why a request failed, under the names that Triton's metrics use.
  package enum FailureReason: String, Sendable, Hashable, CaseIterable {
    case rejected = "REJECTED"
    case cancelled = "CANCELED"
    case backend = "BACKEND"
    case other = "OTHER"

    init(_ kind: ServingError.Kind) {
      switch kind {
      case .overloaded, .deadline, .unavailable, .tooLarge: self = .rejected
      case .cancelled: self = .cancelled
      case .internal: self = .backend
      default: self = .other
      }
    }
  }

  /// How long the parts of one request took, in nanoseconds.
  package struct Times: Sendable, Hashable {
    package var queue: UInt64 = 0
    package var input: UInt64 = 0
    package var infer: UInt64 = 0
    package var output: UInt64 = 0

    package init() {}
  }

  package struct Snapshot: Sendable, Hashable {
    package var success = Total()
    package var failure = Total()
    package var queue = Total()
    package var input = Total()
    package var infer = Total()
    package var output = Total()
    package var failures: [FailureReason: Int] = [:]
    /// Requests that are accepted and not answered.
    package var pending = 0
    /// Milliseconds since 1970 of the last answer; 0 for none.
    package var lastInference: UInt64 = 0
    /// Answers within 100, 500, 2000 and 5000 ms.
    package var withinBuckets = [Int](repeating: 0, count: ModelStatistics.buckets.count)
  }

  /// Upper bounds of the histogram of response times, in milliseconds.
  package static let buckets = [100, 500, 2000, 5000]

  private let state = Mutex(Snapshot())

  package var snapshot: Snapshot { state.withLock { $0 } }

  func began() { state.withLock { $0.pending += 1 } }

  func succeeded(_ times: Times, total: UInt64, wallMilliseconds: UInt64) {
    state.withLock {
      $0.pending -= 1
      $0.success.add(total)
      $0.queue.add(times.queue)
      $0.input.add(times.input)
      $0.infer.add(times.infer)
      $0.output.add(times.output)
      $0.lastInference = wallMilliseconds
      for (index, bound) in Self.buckets.enumerated() where total <= UInt64(bound) * 1_000_000 {
        $0.withinBuckets[index] += 1
      }
    }
  }

  func failed(_ kind: ServingError.Kind, total: UInt64) {
    state.withLock {
      $0.pending -= 1
      $0.failure.add(total)
      $0.failures[FailureReason(kind), default: 0] += 1
    }
  }
}
