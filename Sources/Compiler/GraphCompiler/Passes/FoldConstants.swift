import GraphIR
import ReferenceInterpreter
import Tensors

/// Nodes whose inputs are all constants are evaluated, in float64.
struct FoldConstants: Pass {
  static let name = "fold-constants"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    for node in graph.nodes where !node.inputs.isEmpty && node.op.regions.isEmpty {
      let constants = node.inputs.map { edit[edit.current($0)].constant }
      guard constants.allSatisfy({ $0 != nil }) else { continue }
      let results = try evaluate(node, constants.compactMap { $0 })
      for (old, tensor) in zip(node.outputs, results) { try edit.replace(old, with: edit.constant(node.name, tensor)) }
      edit.applied(node.name, "all its inputs are constants")
    }
    return edit
  }

  private func evaluate(_ node: Node, _ constants: [Tensor]) throws -> [Tensor] {
    var graph = Graph()
    let inputs = constants.map { graph.addConstant("", $0) }
    graph.setOutputs(try graph.add(node.op, inputs, name: node.name))
    return try Interpreter<Double>(graph).run([] as [ReferenceArray<Double>]).map { try $0.tensor() }
  }
}
