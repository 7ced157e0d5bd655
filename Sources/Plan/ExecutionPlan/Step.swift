import CPlanProto
import ProtobufWire
import Tensors

/// One step of a plan: an operation on whole maps.
package struct Step: Sendable {
  /// Path in the model, such as `encoder_level1.block0.scan_stage`; unique in the plan.
  package var name: String
  package var operation: any PlanOperation

  package init(name: String, operation: any PlanOperation) {
    self.name = name
    self.operation = operation
  }
}

extension Step: Hashable {
  package static func == (a: Step, b: Step) -> Bool { a.name == b.name && a.operation.isEqual(to: b.operation) }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    operation.hash(into: &hasher)
  }
}

extension Step {
  init(_ message: Evssm__Plan__Step) throws {
    self.init(name: text(message.name), operation: try PlanOperations.decoded(message))
  }

  func encode(_ writer: inout WireWriter) {
    writer.string(1, name)
    writer.message(type(of: operation).field) { operation.encode(&$0) }
  }
}
