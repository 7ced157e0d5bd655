import Tensors

/// The order in which the nodes of a list can run.
enum NodeOrder {
  /// The nodes, each after those whose results it or its graphs use; as they are written where that is such an order.
  ///
  /// Throws `onnx.duplicate-name` when two nodes make one value, or a node one that is there already, and `onnx.cycle`.
  /// Names that no node of the list makes are not looked at. Iterative.
  /// - Complexity: O(nodes + edges).
  static func sorted(_ nodes: [OnnxNode], taken: (String) -> Bool) throws -> [OnnxNode] {
    var producers: [String: Int] = [:]
    for (i, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        guard producers.updateValue(i, forKey: output) == nil, !taken(output) else {
          throw EVSSMError(
            "onnx.duplicate-name", "The value \(EVSSMError.escaped(output)) is made twice.", place: node.place)
        }
      }
    }
    let needs = nodes.map { node in
      (node.inputs + node.graphs.flatMap(Captures.names)).compactMap { producers[$0] }
    }
    let isSorted = needs.enumerated().allSatisfy { i, needed in needed.allSatisfy { $0 < i } }
    return isSorted ? nodes : try walk(needs, nodes).map { nodes[$0] }
  }

  private static func walk(_ needs: [[Int]], _ nodes: [OnnxNode]) throws -> [Int] {
    enum Mark { case new, open, done }
    var marks = [Mark](repeating: .new, count: nodes.count)
    var order: [Int] = []
    for root in nodes.indices where marks[root] == .new {
      var stack = [(node: root, next: 0)]
      marks[root] = .open
      while let (node, next) = stack.last {
        guard next < needs[node].count else {
          marks[node] = .done
          order.append(node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let needed = needs[node][next]
        if marks[needed] == .open {
          throw EVSSMError("onnx.cycle", "The node needs its own result.", place: nodes[needed].place)
        }
        if marks[needed] == .new {
          marks[needed] = .open
          stack.append((needed, 0))
        }
      }
    }
    return order
  }
}

/// The values that a graph uses and does not make.
enum Captures {
  /// Their names, each once, in the order of their first use. The recursion is bounded by the depth of messages.
  /// - Complexity: O(nodes), those of graphs inside included.
  static func names(_ graph: GraphMessage) -> [String] {
    let nodes = graph.nodes
    var own = Set(nodes.flatMap(\.outputs))
    own.formUnion(graph.inputs.map { text($0.pointee.name) })
    own.formUnion(graph.initializers.map { text($0.pointee.name) })
    own.formUnion(graph.sparseInitializers.compactMap { $0.pointee.values.map { text($0.pointee.name) } })
    own.insert("")
    let used = nodes.flatMap { $0.inputs + $0.graphs.flatMap(names) } + graph.outputs.map { text($0.pointee.name) }
    return used.filter { own.insert($0).inserted }
  }
}
