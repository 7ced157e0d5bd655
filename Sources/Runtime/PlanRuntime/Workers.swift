import CKernels
import Tensors

/// The threads that run plans. One run at a time uses them; sessions of any number of plans and sizes may share them.
public final class Workers: Sendable {
  let pool: ThreadPool
  public let count: Int

  /// - Parameter threads: 1 to 256. Throws `runtime.threads` otherwise.
  public init(threads: Int) throws {
    pool = try ThreadPool(threads: threads)
    count = threads
  }

  /// The number of processors that this process may use.
  public static var processorCount: Int {
    min(Int(evssm_processor_count()), ThreadPool.maxThreads)
  }
}
