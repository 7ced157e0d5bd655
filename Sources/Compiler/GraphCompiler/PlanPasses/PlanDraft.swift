import ExecutionPlan
import GraphIR
import Tensors

/// A fused graph on its way to a plan: its stages in order, and what was decided for each. Passes on plans work on it;
/// ``StageEmitter`` packs it.
package struct PlanDraft: Sendable {
  package struct Stage: Sendable {
    /// The node of the graph; the step has its name.
    let node: Node
    var lowering: any StageLowering
    /// What those of its matrices are packed in that may be rounded.
    var precision = Precision.float32
    /// Whether the step writes over its ``StageLowering/overwritable`` operand.
    var writesOver = false
  }

  let graph: Graph
  package internal(set) var stages: [Stage]

  /// Nothing is decided yet: matrices are in float32 and every step has a map of its own.
  ///
  /// Throws `compile.no-kernel`, which names every node that no fused stage took in.
  init(_ graph: Graph) throws {
    self.graph = graph
    stages = graph.nodes.compactMap { node in
      Pipeline.lowering(of: node.op).map { Stage(node: node, lowering: $0) }
    }
    guard stages.count < graph.nodes.count else { return }
    let names = graph.nodes.filter { Pipeline.lowering(of: $0.op) == nil }.map { "\($0.name) (\($0.op.label))" }
    throw EVSSMError(
      "compile.no-kernel",
      "No fused stage takes in these nodes: \(names.prefix(40).joined(separator: ", ")). "
        + "Use compile --explain to see which rewrites were rejected, and why.",
      place: .init(node: names.first))
  }

  /// The operands of a stage.
  func operands(_ stage: Stage) -> StageOperands {
    StageOperands(graph: graph, node: stage.node, precision: stage.precision)
  }

  /// The value that a stage writes over; nil where it has a map of its own.
  func overwritten(by stage: Stage) -> ValueID? {
    guard stage.writesOver, let operand = type(of: stage.lowering).overwritable?.operand else { return nil }
    return stage.node.inputs[operand]
  }
}

// MARK: - Maps

extension PlanDraft {
  /// The buffers of a draft's maps, numbered as values come.
  struct Maps {
    var descriptions: [BufferDescription] = []
    /// The buffer of each value that is a map.
    var buffers: [ValueID: BufferID] = [:]
    /// By how much each buffer's map is smaller than the padded picture.
    var divisors: [Int] = []
  }

  /// Places every step's map: in a buffer of its own, or in that of the operand that it writes over. Which buffers share
  /// memory otherwise is decided when the plan is bound.
  ///
  /// Throws `compile.operand` for operands that are no weights or maps, and `compile.level` for maps larger than the
  /// picture.
  func maps() throws -> Maps {
    var maps = Maps()
    for stage in stages {
      guard let result = try stage.lowering.result(operands(stage)) else { continue }
      let places = StageMaps(node: stage.node, operands: maps.operands(of: stage.node), result: nil)
      if stage.writesOver, let operand = type(of: stage.lowering).overwritable?.operand {
        maps.buffers[stage.node.outputs[0]] = try places.operand(operand)
        continue
      }
      let divisor =
        switch result.size {
        case .picture: 1
        case .same: maps.divisors[try places.operand(0).rawValue]
        case .halved: maps.divisors[try places.operand(0).rawValue] * 2
        case .doubled: maps.divisors[try places.operand(0).rawValue] / 2
        }
      guard (1...4).contains(divisor) else {
        throw EVSSMError(
          "compile.level", "The network has maps of other sizes than the padded picture's, a half and a quarter of it.",
          place: .init(node: stage.node.name))
      }
      maps.append(for: stage.node.outputs[0], channels: result.channels, divisor: divisor)
    }
    return maps
  }
}

extension PlanDraft.Maps {
  fileprivate mutating func append(for value: ValueID, channels: Int, divisor: Int) {
    buffers[value] = BufferID(rawValue: descriptions.count)
    divisors.append(divisor)
    descriptions.append(
      BufferDescription(
        height: .padded(.height, toMultipleOf: 4, over: divisor),
        width: .padded(.width, toMultipleOf: 4, over: divisor), channels: channels))
  }

  /// The buffers of a node's operands that are maps, by operand.
  func operands(of node: Node) -> [Int: BufferID] {
    Dictionary(
      uniqueKeysWithValues: node.inputs.enumerated().compactMap { index, value in buffers[value].map { (index, $0) } })
  }

  /// The buffers of a node's operands and of its result.
  func places(of node: Node) -> StageMaps {
    StageMaps(node: node, operands: operands(of: node), result: node.outputs.first.flatMap { buffers[$0] })
  }
}
