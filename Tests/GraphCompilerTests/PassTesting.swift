import EVSSMModel
import GraphIR
import GraphRewriting
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing

@testable import GraphCompiler

/// Graphs of one operator family with seeded constants, and their evaluation in float64.
enum PassTesting {
  static let height = Dimension(symbol: "H")
  static let width = Dimension(symbol: "W")

  static func tensor(_ shape: [Int], seed: UInt64) throws -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return try Tensor(shape: shape, floats: (0..<shape.reduce(1, *)).map { _ in Float(generator.normal()) })
  }

  static func array(_ shape: [Int], seed: UInt64) throws -> ReferenceArray<Double> {
    ReferenceArray(try tensor(shape, seed: seed))
  }

  /// The largest difference between two graphs' outputs on seeded inputs.
  static func difference(_ a: Graph, _ b: Graph, sizes: SymbolSizes = ["H": 16, "W": 24]) throws -> Double {
    let inputs = try a.inputs.enumerated().map { index, id in
      try array(a[id].type.shape.map { try $0.bound(sizes) }, seed: UInt64(index) + 100)
    }
    let (x, y) = (try Interpreter<Double>(a).run(inputs), try Interpreter<Double>(b).run(inputs))
    #expect(x.map(\.shape) == y.map(\.shape))
    return zip(x, y).flatMap { zip($0.elements, $1.elements).map { abs($0 - $1) } }.max() ?? .infinity
  }

  /// Runs one pass and expects the same function from the result.
  static func run(_ pass: any Rewrite, on graph: Graph) throws -> (graph: Graph, explanations: [Explanation]) {
    try Verifier.check(graph, after: "building the test")
    let (result, _, explanations) = try pass.run(graph)
    #expect(try difference(graph, result) <= 1e-11)
    return (result, explanations)
  }

  /// Operator names in order, those of regions in brackets.
  static func outline(_ graph: Graph) -> String {
    graph.nodes.map { node in
      type(of: node.op).name + node.op.regions.map { "[\(outline($0))]" }.joined()
    }.joined(separator: " ")
  }
}

/// A graph under construction on one map of 4 channels.
struct Sketch {
  var graph = Graph()
  var x: ValueID
  private var seed: UInt64 = 0

  init(channels: Dimension = 4, height: Dimension = PassTesting.height, width: Dimension = PassTesting.width) {
    x = graph.addInput("x", .map(.float32, channels, height, width))
  }

  mutating func weight(_ name: String, _ shape: Int...) throws -> ValueID {
    seed += 1
    return graph.addConstant(name, try PassTesting.tensor(shape, seed: seed))
  }

  mutating func add(_ op: any Operator, _ inputs: [ValueID], _ name: String) throws -> ValueID {
    try graph.addOne(op, inputs, name: name)
  }

  mutating func finish(_ outputs: ValueID...) throws -> Graph {
    graph.setOutputs(outputs)
    return try graph.ordered()
  }
}
