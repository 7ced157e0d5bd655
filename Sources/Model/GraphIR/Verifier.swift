import PrimitiveOperators
import Tensors

/// The rules of the IR as a program, run on every graph that is built and after every pass.
///
/// - every value is defined once, and before it is used
/// - a node's output types are those that its operator infers, and a constant's type is its tensor's
/// - every symbol of a size is the size of some input, or of a primitive's result that only data decide
/// - node names are unique and not empty
/// - the body of a region obeys the same rules and sees nothing from outside but its inputs
package enum Verifier {
  /// Throws `graph.invalid` naming the operator, the facts, the inputs and the pass after which the rule was broken.
  /// - Complexity: O(nodes + edges).
  package static func check(_ graph: Graph, after pass: String) throws {
    try check(graph, pass, depth: 0, outerSymbols: [])
  }

  private static func check(_ graph: Graph, _ pass: String, depth: Int, outerSymbols: Set<String>) throws {
    try Limits.check(depth, atMost: Limits.maxRegionDepth, name: "max_region_depth", "The nesting of graphs")
    try Limits.check(graph.nodes.count, atMost: Limits.maxGraphNodes, name: "max_graph_nodes", "The number of nodes")
    try checkReferences(graph, pass)
    try checkDefinitions(graph, pass)
    let symbols = try checkSymbols(graph, pass, outerSymbols)
    try checkNames(graph, pass)
    for node in graph.nodes {
      try checkTypes(node, graph, pass)
      // The bodies of If, Loop and Scan capture values, whose sizes the graph around them decides.
      let visible = node.op is Primitive ? symbols : []
      for region in node.op.regions { try check(region, pass, depth: depth + 1, outerSymbols: visible) }
    }
  }

  private static func failure(_ pass: String, _ what: String, node: String? = nil) -> EVSSMError {
    EVSSMError(
      "graph.invalid", "After \(pass): \(what). This is a fault of the pass, not of the input.", category: .internal,
      place: .init(node: node))
  }

  private static func checkReferences(_ graph: Graph, _ pass: String) throws {
    let all = graph.values.indices
    for node in graph.nodes {
      for id in node.inputs + node.outputs where !all.contains(id.index) {
        throw failure(pass, "\(facts(node, graph)) refers to \(id), which does not exist", node: node.name)
      }
    }
    for id in graph.inputs + graph.outputs where !all.contains(id.index) {
      throw failure(pass, "an input or output is \(id), which does not exist")
    }
  }

  private static func checkDefinitions(_ graph: Graph, _ pass: String) throws {
    var defined = graph.values.map { $0.constant != nil }
    func define(_ id: ValueID, _ what: String) throws {
      if defined[id.index] { throw failure(pass, "\(id) is defined again by \(what)") }
      defined[id.index] = true
    }
    for (id, value) in zip(graph.values.indices, graph.values) {
      if let tensor = value.constant, ValueType(of: tensor) != value.type {
        throw failure(pass, "constant %\(id) is a \(ValueType(of: tensor)) and said to be a \(value.type)")
      }
    }
    for id in graph.inputs { try define(id, "an input") }
    for node in graph.nodes {
      for id in node.inputs where !defined[id.index] {
        throw failure(pass, "\(facts(node, graph)) uses \(id) before it is defined", node: node.name)
      }
      for id in node.outputs { try define(id, facts(node, graph)) }
    }
    for id in graph.outputs where !defined[id.index] { throw failure(pass, "output \(id) is never defined") }
  }

  /// The symbols that the graph's inputs, its nodes and the graph around it decide.
  private static func checkSymbols(_ graph: Graph, _ pass: String, _ outer: Set<String>) throws -> Set<String> {
    var known = outer
    for input in graph.inputs {
      for size in graph[input].type.shape {
        if let symbol = size.symbol { known.insert(symbol) }
      }
    }
    for node in graph.nodes {
      guard let primitive = node.op as? Primitive else { continue }
      for output in node.outputs {
        for size in graph[output].type.shape { known.formUnion(size.symbols.filter(primitive.introduces)) }
      }
    }
    for (i, value) in graph.values.enumerated() {
      for size in value.type.shape where !size.symbols.isSubset(of: known) {
        throw failure(pass, "%\(i) has a size, \(size), that no input decides")
      }
    }
    return known
  }

  private static func checkNames(_ graph: Graph, _ pass: String) throws {
    var seen: Set<String> = []
    for node in graph.nodes where node.name.isEmpty || !seen.insert(node.name).inserted {
      throw failure(pass, "the name of \(facts(node, graph)) is empty or used twice", node: node.name)
    }
  }

  private static func checkTypes(_ node: Node, _ graph: Graph, _ pass: String) throws {
    let inferred: [ValueType]
    do { inferred = try node.op.infer(node.inputs.map { graph[$0].fact }).map(\.type) } catch let error as EVSSMError {
      throw failure(pass, "\(facts(node, graph)) has no type: \(error.message)", node: node.name)
    }
    let stated = node.outputs.map { graph[$0].type }
    if inferred != stated {
      throw failure(pass, "\(facts(node, graph)) has outputs of types \(inferred)", node: node.name)
    }
  }

  /// The operator, its attributes, inputs and outputs with their types.
  private static func facts(_ node: Node, _ graph: Graph) -> String {
    func text(_ ids: [ValueID]) -> String {
      ids.map { graph.values.indices.contains($0.index) ? "\($0): \(graph[$0].type)" : "\($0)" }
        .joined(separator: ", ")
    }
    return "\(node.op.label)\(Graph.text(node.op.attributes))(\(text(node.inputs))) -> (\(text(node.outputs)))"
  }
}
