import GraphIR
import GraphRewriting
import ReferenceInterpreter
import Tensors

/// Nodes whose inputs are all constants are evaluated: EVSSM's operators in float64, primitives in the element types
/// that they state.
///
/// What primitives may be folded is bounded by the size of the constants that a graph brings along, since a small file
/// can ask for any amount of work; a node beyond the bound stays and is computed when the plan runs.
struct FoldConstants: Pass {
  static let name = "fold-constants"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    var budget = FoldingBudget(for: graph)
    let typed = Self.typedValues(graph)
    for node in graph.nodes where !node.inputs.isEmpty && node.op.regions.isEmpty {
      let folded = node.inputs.compactMap { edit[edit.current($0)].constant }
      guard folded.count == node.inputs.count else { continue }
      let isPrimitive = node.op is Primitive
      guard !isPrimitive || budget.admits(node, folded, in: graph) else {
        edit.rejected(node.name, "folding it would make more of constants than their size allows")
        continue
      }
      let results = isPrimitive ? try evaluatePrimitive(node, folded) : try evaluate(node, folded)
      for (old, tensor) in zip(node.outputs, results) {
        let kept = typed.contains(old) ? try tensor.converted(to: graph[old].type.dtype) : tensor
        try edit.replace(old, with: edit.constant(node.name, kept))
      }
      edit.applied(node.name, "all its inputs are constants")
    }
    return edit
  }

  /// Values that keep the element type they state: what primitives take, and the graph's outputs.
  private static func typedValues(_ graph: Graph) -> Set<ValueID> {
    graph.nodes.reduce(into: Set(graph.outputs)) { if $1.op is Primitive { $0.formUnion($1.inputs) } }
  }

  private func evaluate(_ node: Node, _ constants: [Tensor]) throws -> [Tensor] {
    let graph = try Self.graph(of: node, constants)
    return try Interpreter<Double>(graph).run([] as [ReferenceArray<Double>]).map { try $0.tensor() }
  }

  private func evaluatePrimitive(_ node: Node, _ constants: [Tensor]) throws -> [Tensor] {
    try TensorInterpreter(Self.graph(of: node, constants)).run([])
  }

  private static func graph(of node: Node, _ constants: [Tensor]) throws -> Graph {
    var graph = Graph()
    let inputs = constants.map { graph.addConstant("", $0) }
    graph.setOutputs(try graph.add(node.op, inputs, name: node.name))
    return graph
  }
}

extension Limits {
  /// Bytes that folding primitives may make beyond twice those of the graph's constants.
  static let maxFoldedBytes = 16 << 20
  /// Multiply-adds of all primitives that are folded, as ``FoldingBudget`` estimates them.
  static let maxFoldedWork = 1 << 30
}

/// What may still be folded of a graph's primitives.
struct FoldingBudget {
  private var bytes: Int
  private var work = Double(Limits.maxFoldedWork)

  init(for graph: Graph) {
    var total = 0
    for value in graph.values {
      let (sum, overflows) = total.addingReportingOverflow(value.constant?.byteCount ?? 0)
      total = overflows ? Int.max / 4 : min(sum, Int.max / 4)
    }
    bytes = 2 * total + Limits.maxFoldedBytes
  }

  /// Whether the node's results fit into what is left, which is then taken.
  ///
  /// A product of matrices takes √(|A|·|B|·|AB|) multiply-adds; for other operators that is an upper estimate.
  mutating func admits(_ node: Node, _ constants: [Tensor], in graph: Graph) -> Bool {
    var made = 0
    var elements = 0.0
    for output in node.outputs {
      let type = graph[output].type
      let sizes = type.shape.compactMap(\.known)
      guard sizes.count == type.shape.count, let count = try? Checked.product(sizes),
        let size = try? Checked.multiply(count, type.dtype.byteCount), let sum = try? Checked.add(made, size)
      else { return false }
      made = sum
      elements += Double(count)
    }
    let operands = constants.map { Double(max($0.elementCount, 1)) }.sorted().suffix(2)
    let cost = operands.count == 2 ? operands.reduce(elements, *).squareRoot() : elements + operands.reduce(0, +)
    guard made <= bytes, cost <= work else { return false }
    bytes -= made
    work -= cost
    return true
  }
}
