import CPlanProto
import Tensors

/// The operations that a plan may have: the one list of them on the plan's side.
enum PlanOperations {
  private static let types: [any PlanOperation.Type] = [
    PictureConvolution.self, ScanStage.self, FeedForwardStage.self, HalveConvolution.self, DoubleConvolution.self,
    OutputConvolution.self,
  ]

  /// The operation of a step's message. Throws `plan.operation` when there is none.
  static func decoded(_ message: Evssm__Plan__Step) throws -> any PlanOperation {
    guard let type = types.first(where: { $0.field == message.operation_case.rawValue }) else {
      throw EVSSMError(
        "plan.operation", "The step has no operation. Compile the plan again.", place: .init(node: text(message.name)))
    }
    return try type.init(message)
  }
}
