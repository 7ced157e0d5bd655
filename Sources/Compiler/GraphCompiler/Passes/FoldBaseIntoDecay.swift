import Foundation
import GraphIR
import GraphRewriting
import Tensors

/// exp(Δ·A) = 2^(Δ·(A·log₂e)): the scan's exponential gets base 2, which is the cheaper one.
struct FoldBaseIntoDecay: Pass {
  static let name = "fold-base-into-decay"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    for node in graph.nodes {
      guard let scan = node.op as? SelectiveScan, scan.base == .e else { continue }
      guard let decay = graph.constant(node.inputs[2]) else {
        edit.rejected(node.name, "A is not a constant")
        continue
      }
      var inputs = node.inputs
      inputs[2] = edit.constant(graph[node.inputs[2]].name, try decay.mapped { $0 * log2(exp(1)) })
      let new = try edit.addOne(SelectiveScan(frame: scan.frame, base: .two), inputs, name: node.name)
      try edit.replace(node.outputs[0], with: new)
      edit.applied(node.name, "log2(e) goes into A")
    }
    return edit
  }
}
