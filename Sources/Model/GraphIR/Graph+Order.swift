import Tensors

extension Graph {
  /// The same graph with only the nodes that the outputs need, each after the nodes it needs, and values renumbered.
  ///
  /// The order is that of a depth-first walk from the outputs, so it depends on the computation alone.
  /// Throws `graph.cycle` when a node needs its own result. Iterative: depth does not matter.
  /// - Complexity: O(nodes + edges).
  package func ordered() throws -> Graph {
    let producers = self.producers
    var order: [Int] = []
    var state = [Mark](repeating: .new, count: nodes.count)
    for output in outputs {
      guard let root = producers[output.index] else { continue }
      try visit(root, producers, &state, &order)
    }
    return renumbered(order.map { nodes[$0] })
  }

  /// For each value, the index of the node that makes it.
  package var producers: [Int?] {
    var producers = [Int?](repeating: nil, count: values.count)
    for (i, node) in nodes.enumerated() { for output in node.outputs { producers[output.index] = i } }
    return producers
  }

  /// For each value, the number of its uses by nodes and as an output of the graph.
  package var useCounts: [Int] {
    var counts = [Int](repeating: 0, count: values.count)
    for node in nodes { for input in node.inputs { counts[input.index] += 1 } }
    for output in outputs { counts[output.index] += 1 }
    return counts
  }

  /// For each node, the values that are needed for the last time by it; results that nobody needs, by their own node.
  /// Outputs of the graph are needed to the end.
  package var lastUses: [[ValueID]] {
    var last: [ValueID: Int] = [:]
    for (i, node) in nodes.enumerated() { for id in node.inputs + node.outputs { last[id] = i } }
    for output in outputs { last[output] = nil }
    var lastUses = [[ValueID]](repeating: [], count: nodes.count)
    for (id, node) in last { lastUses[node].append(id) }
    return lastUses
  }

  private enum Mark { case new, open, done }

  private func visit(_ root: Int, _ producers: [Int?], _ state: inout [Mark], _ order: inout [Int]) throws {
    var stack: [(node: Int, next: Int)] = []
    func open(_ node: Int) throws {
      if state[node] == .open {
        throw EVSSMError("graph.cycle", "The node needs its own result.", place: .init(node: nodes[node].name))
      }
      if state[node] == .new {
        state[node] = .open
        stack.append((node, 0))
      }
    }
    if state[root] == .done { return }
    try open(root)
    while let (node, next) = stack.last {
      if next == nodes[node].inputs.count {
        state[node] = .done
        order.append(node)
        stack.removeLast()
        continue
      }
      stack[stack.count - 1].next += 1
      if let producer = producers[nodes[node].inputs[next].index], state[producer] != .done { try open(producer) }
    }
  }

  private func renumbered(_ kept: [Node]) -> Graph {
    var new = [ValueID?](repeating: nil, count: values.count)
    var out = Graph()
    func take(_ old: ValueID) -> ValueID {
      if let id = new[old.index] { return id }
      out.values.append(values[old.index])
      let id = ValueID(out.values.count - 1)
      new[old.index] = id
      return id
    }
    out.inputs = inputs.map(take)
    out.nodes = kept.map { node in
      Node(name: node.name, op: node.op, inputs: node.inputs.map(take), outputs: node.outputs.map(take))
    }
    out.outputs = outputs.map(take)
    return out
  }
}
