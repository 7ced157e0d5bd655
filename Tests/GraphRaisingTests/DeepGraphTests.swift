import GraphIR
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler

/// Graphs whose steps follow one another without end are looked at on a small stack, and in little time.
@Suite struct DeepGraphTests {
  private static let map = ValueType(.float32, [1, 3, 16, 16])

  /// A picture, what `steps` makes of it, a transpose, and a convolution that wants the map upright.
  private static func graph(_ steps: (inout PrimitiveGraph, ValueID) throws -> ValueID) throws -> Graph {
    var graph = PrimitiveGraph()
    let picture = graph.input("picture", map)
    let made = try steps(&graph, picture)
    let turned = try graph.one("Transpose", [made], ["perm": .ints([0, 1, 3, 2])])
    let weight = try graph.floats([4, 3, 3, 3], (0..<108).map { Float($0) * 0.01 })
    let result = try graph.one("Conv", [turned, weight], ["pads": .ints([1, 1, 1, 1])])
    graph.graph.setOutputs([result])
    return graph.graph
  }

  private static func isLeftAlone(_ graph: Graph) throws -> Bool {
    try onSmallStack { try Pipeline.run(graph).graph.nodes.count == graph.nodes.count }
  }

  @Test func aLongChainInFrontOfATranspose() throws {
    let graph = try Self.graph { graph, value in
      try (0..<10_000).reduce(value) { value, index in try graph.one(index % 2 == 0 ? "Relu" : "Abs", [value]) }
    }
    #expect(try Self.isLeftAlone(graph))
  }

  @Test(.timeLimit(.minutes(1))) func productsOfProducts() throws {
    let graph = try Self.graph { graph, value in
      try (0..<40).reduce(value) { value, _ in
        try graph.one("Mul", [graph.one("Relu", [value]), graph.one("Abs", [value])])
      }
    }
    #expect(try Self.isLeftAlone(graph))
  }
}
