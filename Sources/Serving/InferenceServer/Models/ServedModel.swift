import ExecutionPlan
import Synchronization
import Tensors

/// One version of a model, open and ready: its plan, whose weights all sessions share, and its statistics.
package final class ServedModel: Sendable {
  package static let platform = "evssm_plan"
  package static let inputName = "input"
  package static let outputName = "output"
  package static let datatype = "FP32"

  package let name: String
  package let version: Int
  package let plan: LoadedPlan
  package let statistics = ModelStatistics()
  package let estimate = ServiceEstimate()
  /// Picture sizes that were asked for, as binding a plan takes a good part of running it on a small picture.
  private let sizes = Mutex<[[Int]: SessionBytes]>([:])
  private static let maxSizes = 256

  package init(name: String, version: Int, plan: LoadedPlan) {
    self.name = name
    self.version = version
    self.plan = plan
  }

  /// Bytes of a session for a picture's size. Throws what binding the plan to this size throws.
  func sessionBytes(height: Int, width: Int, threads: Int) throws -> SessionBytes {
    let key = [height, width, threads]
    if let known = sizes.withLock({ $0[key] }) { return known }
    let bytes = try SessionBytes(self, height: height, width: width, threads: threads)
    sizes.withLock { sizes in
      if sizes.count >= Self.maxSizes { sizes.removeAll() }
      sizes[key] = bytes
    }
    return bytes
  }

  /// The shape of input and output: one RGB picture, −1 for the sizes left open.
  package var shape: [Int] { [1, 3, -1, -1] }
}
