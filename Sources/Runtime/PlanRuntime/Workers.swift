import CKernels
import Tensors

/// The threads that run plans. One run at a time uses them; sessions of any number of plans and sizes may share them.
package final class Workers: Sendable {
  let pool: ThreadPool
  package let count: Int

  /// - Parameter threads: 1 to 256. Throws `runtime.threads` otherwise.
  package init(threads: Int) throws {
    pool = try ThreadPool(threads: threads)
    count = threads
  }

  /// The number of processors that this process may use.
  package static var processorCount: Int {
    min(Int(evssm_processor_count()), ThreadPool.maxThreads)
  }
}
