import ExecutionPlan
import Tensors

/// One version of a model, open and ready: its plan, whose weights all sessions share, and its statistics.
public final class ServedModel: Sendable {
  public static let platform = "evssm_plan"
  public static let inputName = "input"
  public static let outputName = "output"
  public static let datatype = "FP32"

  public let name: String
  public let version: Int
  public let plan: LoadedPlan
  public let statistics = ModelStatistics()
  public let estimate = ServiceEstimate()

  public init(name: String, version: Int, plan: LoadedPlan) {
    self.name = name
    self.version = version
    self.plan = plan
  }

  /// The shape of input and output: one RGB picture, −1 for the sizes left open.
  public var shape: [Int] { [1, 3, -1, -1] }
}
