import GraphIR
import GraphRewriting
import Tensors

/// A pass that puts one fused operator in the place of a structure that ends in a node.
protocol FusingPass: Pass {
  /// The operator and its operands for a structure that ends in `node`; nil if `node` cannot be such an end.
  /// Throws ``Mismatch`` when it looks like one and is not.
  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion?
}

/// A fused operator to be; constants may come from the body of a region.
struct Fusion {
  enum Operand {
    case value(ValueID)
    case constant(String, Tensor)
  }

  var op: any Operator
  var operands: [Operand]
}

extension FusingPass {
  static var entersRegions: Bool { false }

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let matcher = Matcher(graph)
    for node in graph.nodes {
      do {
        guard let fusion = try fuse(node, matcher) else { continue }
        let inputs = fusion.operands.map { operand in
          switch operand {
          case .value(let id): id
          case .constant(let name, let tensor): edit.constant(name, tensor)
          }
        }
        try edit.replace(node.outputs[0], with: edit.addOne(fusion.op, inputs, name: node.name))
        edit.applied(node.name, "recognised as \(type(of: fusion.op).name)")
      } catch let mismatch as Mismatch {
        edit.rejected(node.name, mismatch.reason)
      }
    }
    return edit
  }
}
