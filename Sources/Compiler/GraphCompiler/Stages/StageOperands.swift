import ExecutionPlan
import GraphIR
import Tensors

/// The operands of a fused operator, and what its matrices are packed in.
package struct StageOperands: Sendable {
  let graph: Graph
  let node: Node
  /// What those matrices are packed in that may be rounded.
  let precision: Precision

  /// A constant operand's name and float32 values, row-major.
  struct Weight {
    /// The checkpoint's name, or that of the pass that made it.
    let name: String
    let shape: [Int]
    let values: [Float]
  }

  /// The shape of constant operand `index`. Throws `compile.operand` when it is none.
  func shape(_ index: Int) throws -> [Int] { try tensor(index).shape }

  /// Constant operand `index`. Throws `compile.operand` when it is none.
  /// - Complexity: O(elements).
  func weight(_ index: Int) throws -> Weight {
    let tensor = try tensor(index)
    return Weight(name: graph[node.inputs[index]].name, shape: tensor.shape, values: tensor.floats())
  }

  private func tensor(_ index: Int) throws -> Tensor {
    guard node.inputs.indices.contains(index), let tensor = graph.constant(node.inputs[index]) else {
      throw EVSSMError(
        "compile.operand", "Operand \(index) is not a constant.", category: .internal, place: .init(node: node.name))
    }
    return tensor
  }
}

/// The names of a stage's weights, in the order of its operands.
package struct WeightNames: Sendable {
  let names: [String]

  init(of node: Node, in graph: Graph) {
    names = node.inputs.filter { graph.constant($0) != nil }.map { graph[$0].name }
  }

  /// What comes before the first `part` in the first name that has it; nil when none has.
  func prefix(before part: String) -> String? {
    for name in names {
      if let range = name.range(of: part) { return String(name[..<range.lowerBound]) }
    }
    return nil
  }
}
