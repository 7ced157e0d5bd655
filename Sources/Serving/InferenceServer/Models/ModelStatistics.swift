import Synchronization

/// What a model has done since it was loaded. Times are cumulative, in nanoseconds, as in the statistics extension of
/// the Open Inference Protocol.
public final class ModelStatistics: Sendable {
  /// A count and a sum of times.
  public struct Total: Sendable, Hashable {
    public var count = 0
    public var nanoseconds: UInt64 = 0

    mutating func add(_ time: UInt64) {
      count += 1
      nanoseconds += time
    }
  }

  /// Why a request failed, under the names that Triton's metrics use.
  public enum FailureReason: String, Sendable, Hashable, CaseIterable {
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
  public struct Times: Sendable, Hashable {
    public var queue: UInt64 = 0
    public var input: UInt64 = 0
    public var infer: UInt64 = 0
    public var output: UInt64 = 0

    public init() {}
  }

  public struct Snapshot: Sendable, Hashable {
    public var success = Total()
    public var failure = Total()
    public var queue = Total()
    public var input = Total()
    public var infer = Total()
    public var output = Total()
    public var failures: [FailureReason: Int] = [:]
    /// Requests that are accepted and not answered.
    public var pending = 0
    /// Milliseconds since 1970 of the last answer; 0 for none.
    public var lastInference: UInt64 = 0
    /// Answers within 100, 500, 2000 and 5000 ms.
    public var withinBuckets = [Int](repeating: 0, count: ModelStatistics.buckets.count)
  }

  /// Upper bounds of the histogram of response times, in milliseconds.
  public static let buckets = [100, 500, 2000, 5000]

  private let state = Mutex(Snapshot())

  public var snapshot: Snapshot { state.withLock { $0 } }

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
