import GraphIR
import GraphRewriting
import Tensors

/// A matrix whose result is only cut into parts becomes one matrix a part, so that each can go its own way.
struct SplitLinear: Pass {
  static let name = "split-linear"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let (producers, uses) = (graph.producers, graph.useCounts)
    for split in graph.nodes {
      guard let op = split.op as? Split, let index = producers[split.inputs[0].index] else { continue }
      let linear = graph.nodes[index]
      guard linear.op is PointwiseLinear else { continue }
      guard uses[linear.outputs[0].index] == 1 else {
        edit.rejected(split.name, "the undivided result is used as well")
        continue
      }
      guard let weights = try constants(of: linear, graph) else {
        edit.rejected(split.name, "the matrix is not a constant")
        continue
      }
      var first = 0
      for (part, (size, old)) in zip(op.sizes, split.outputs).enumerated() {
        let rows = try weights.map {
          edit.constant("\($0.name).part\(part)", try $0.tensor.slices(first: first, count: size))
        }
        let new = try edit.addOne(PointwiseLinear(), [linear.inputs[0]] + rows, name: "\(linear.name).part\(part)")
        try edit.replace(old, with: new)
        first += size
      }
      edit.applied(split.name, "\(linear.name) is cut by rows into \(op.sizes.count) matrices")
    }
    return edit
  }

  private func constants(of linear: Node, _ graph: Graph) throws -> [(name: String, tensor: Tensor)]? {
    let all = linear.inputs.dropFirst().map { (graph[$0].name, graph.constant($0)) }
    let known = all.compactMap { name, tensor in tensor.map { (name: name, tensor: $0) } }
    return known.count == all.count ? known : nil
  }
}
