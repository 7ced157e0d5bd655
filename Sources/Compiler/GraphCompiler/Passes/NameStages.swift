import GraphIR
import GraphRewriting
import Tensors

/// Names for the stages of a raised graph and their weights: those of the model, where the names of the weights tell them, or
/// else the stage's kind and number.
struct NameStages: Pass {
  static let name = "name-stages"
  static let entersRegions = false

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    var used = Set(graph.nodes.filter { Pipeline.lowering(of: $0.op) == nil }.map(\.name))
    var counts: [String: Int] = [:]
    var constants: [ValueID: ValueID] = [:]
    for node in graph.nodes {
      guard let lowering = Pipeline.lowering(of: node.op) else { continue }
      counts[node.op.label, default: 0] += 1
      let numbered = "\(node.op.label)_\(counts[node.op.label] ?? 0)"
      let told = type(of: lowering).modelName(WeightNames(of: node, in: graph))
      let name = told.flatMap { used.contains($0) ? nil : $0 } ?? numbered
      used.insert(name)
      let inputs = try node.inputs.enumerated().map { index, id in
        try named(id, "\(name).constant\(index)", graph, &edit, &constants)
      }
      guard name != node.name || inputs != node.inputs else { continue }
      let results = try edit.add(node.op, inputs, name: name)
      for (old, new) in zip(node.outputs, results) { try edit.replace(old, with: new) }
      edit.applied(name, name == told ? "named after its weights" : "numbered: the names of its weights tell no other")
    }
    return edit
  }

  /// The constant with a name, if it has none: such are those that a norm in pieces comes to. A plan's weights have names.
  private func named(
    _ id: ValueID, _ name: String, _ graph: Graph, _ edit: inout Edit, _ constants: inout [ValueID: ValueID]
  ) throws -> ValueID {
    guard let tensor = graph.constant(id), graph[id].name.isEmpty else { return id }
    if let known = constants[id] { return known }
    let new = edit.constant(name, tensor)
    constants[id] = new
    return new
  }
}
