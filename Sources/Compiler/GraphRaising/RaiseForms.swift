import GraphIR
import GraphRewriting
import Tensors

/// Small differences of form: a norm without weights gets neutral ones, and a 1×1 matrix behind a resampling is the
/// convolution that the resampling stages have.
package struct RaiseForms: Pass {
  package init() {}

  package static let name = "raise-forms"
  package static let entersRegions = true

  package func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let producers = graph.producers
    for node in graph.nodes {
      if node.op is RMSNorm, node.inputs.count == 1, let channels = graph[node.inputs[0]].type.shape[1].known {
        let weights = try [1.0, 0.0].map { value in
          edit.constant("", try Tensor(shape: [channels], doubles: [Double](repeating: value, count: channels)))
        }
        try edit.replace(node.outputs[0], with: edit.addOne(node.op, node.inputs + weights, name: node.name))
        edit.applied(node.name, "a norm without weights has neutral ones")
      }
      if node.op is PointwiseLinear, node.inputs.count == 2, let index = producers[node.inputs[0].index],
        graph.nodes[index].op is BilinearResample, let weight = graph.constant(node.inputs[1])
      {
        let kernel = try Tensor(
          dtype: weight.dtype, shape: weight.shape + [1, 1], storage: weight.storage, byteOffset: weight.byteOffset)
        let constant = edit.constant(graph[node.inputs[1]].name, kernel)
        try edit.replace(
          node.outputs[0], with: edit.addOne(Convolution(), [node.inputs[0], constant], name: node.name))
        edit.applied(node.name, "a matrix behind a resampling is a 1×1 convolution")
      }
    }
    return edit
  }
}
