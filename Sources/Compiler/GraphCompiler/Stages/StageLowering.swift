import ExecutionPlan
import GraphIR
import Tensors

/// A fused operator on its way to a step of a plan: all that the compiler knows of a kind of stage once it is recognised.
///
/// One file a kind, with the pass that recognises it; ``Pipeline/stages`` lists them. Passes on plans and the emission
/// work through this protocol alone.
package protocol StageLowering: Sendable {
  /// The operator of the graph.
  associatedtype Stage: Decomposable

  init(_ stage: Stage)

  /// What the model calls the stage, by the names of its weights; nil where they do not tell.
  static func modelName(_ weights: WeightNames) -> String?

  /// The place of such stages in the network.
  static var role: StageRole { get }

  /// Whether its matrices may be in bfloat16, and why.
  static var rounding: StageRounding { get }

  /// The operand that the step may write over; nil where there is none.
  static var overwritable: OverwritableOperand? { get }

  /// Side of the windows that it cuts a map in; nil where it takes the map as a whole.
  var windowSide: Int? { get }

  /// Chooses how the step is cut, for the target. Throws `compile.operand` for operands that are no weights.
  /// - Returns: what was chosen and why; nil where there is nothing to choose.
  mutating func choose(_ schedule: Schedule, _ operands: StageOperands) throws -> String?

  /// What was chosen, for dumps; empty before ``choose(_:_:)`` and where there is nothing to choose.
  var choices: [Attribute] { get }

  /// The map that the step makes; nil where it makes the picture. Throws `compile.operand`.
  func result(_ operands: StageOperands) throws -> StageResult?

  /// Packs the weights, in the order in which the plan holds them, and gives the step's operation.
  ///
  /// Throws `compile.operand` for operands that are no weights or maps, and `compile.unscheduled` where
  /// ``choose(_:_:)`` was left out.
  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation
}

extension StageLowering {
  package static var overwritable: OverwritableOperand? { nil }
  package var windowSide: Int? { nil }
  package mutating func choose(_ schedule: Schedule, _ operands: StageOperands) throws -> String? { nil }
  package var choices: [Attribute] { [] }

  /// The lowering of an operator; nil for operators of another kind.
  static func lowering(_ op: any Operator) -> Self? { (op as? Stage).map(Self.init) }

  /// The error for a step that nobody cut.
  static func unscheduled(_ operands: StageOperands) -> EVSSMError {
    EVSSMError(
      "compile.unscheduled", "Nothing was chosen for how the step is cut.", category: .internal,
      place: .init(node: operands.node.name))
  }
}

/// The place of a kind of stage in the network.
package enum StageRole: Sendable {
  /// One of the two halves of a block.
  case halfOfBlock
  /// The end of a level on the way down.
  case halving
  case other
}

/// Whether a stage's matrices may be in bfloat16.
package enum StageRounding: Sendable {
  /// They may; the text says what then is in which type.
  case matrices(String)
  /// They stay in float32, for this reason.
  case none(String)

  var isAllowed: Bool { if case .matrices = self { true } else { false } }
  var reason: String {
    switch self {
    case .matrices(let reason), .none(let reason): reason
    }
  }
}

/// An operand whose buffer a step may use for its result.
package struct OverwritableOperand: Sendable {
  var operand: Int
  /// What it is called, such as `skip`.
  var name: String
}

/// The map that a step makes.
package struct StageResult: Sendable {
  /// Its height and width: the padded picture's, or those of the step's first operand, halved or doubled.
  enum Size: Sendable { case picture, same, halved, doubled }

  var channels: Int
  var size: Size
}

/// The buffers of a step's maps.
package struct StageMaps: Sendable {
  let node: Node
  /// The buffers of the operands that are maps, by operand.
  let operands: [Int: BufferID]
  private let result: BufferID?

  init(node: Node, operands: [Int: BufferID], result: BufferID?) {
    self.node = node
    self.operands = operands
    self.result = result
  }

  /// The buffer of operand `index`. Throws `compile.operand` for what is no map of an earlier step.
  func operand(_ index: Int) throws -> BufferID {
    guard let buffer = operands[index] else {
      throw EVSSMError(
        "compile.operand", "Operand \(index) is not a feature map of an earlier step.", category: .internal,
        place: .init(node: node.name))
    }
    return buffer
  }

  /// The buffer of the step's result. Throws `compile.operand` for a stage without one.
  func output() throws -> BufferID {
    guard let result else {
      throw EVSSMError(
        "compile.operand", "The step makes no feature map.", category: .internal, place: .init(node: node.name))
    }
    return result
  }
}
