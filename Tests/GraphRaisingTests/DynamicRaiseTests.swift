import EVSSMModel
import GraphIR
import ReferenceInterpreter
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler
@testable import OnnxWriter

/// Graphs for any size: windows are a Loop, whose arithmetic on sizes is compared as expressions.
@Suite struct DynamicRaiseTests {
  static let testCase = RoundTripTests.Case(description: "any size, windows", windows: .released, sizes: [:])

  @Test(arguments: [(20, 24), (33, 27), (45, 22)]) func raisedAndNotRaisedAgree(_ height: Int, _ width: Int) throws {
    let graph = try RoundTripTests.imported(RoundTripTests.document(Self.testCase))
    let raised = try Pipeline.run(graph).graph
    try #require(raised.nodes.allSatisfy { $0.op is any Decomposable })
    let values = SeededWeights.picture(height: height, width: width, seed: 4)
    let picture = try Tensor(shape: [1, 3, height, width], floats: values)
    let a = try TensorInterpreter(graph).run([picture])[0].floats()
    let b = try Interpreter<Float>(raised).run([ReferenceArray<Float>(picture)])[0].elements
    #expect((zip(a, b).map { abs($0 - $1) }.max() ?? .infinity) <= 2e-5)
  }

  /// The places of the arithmetic on window sizes: of nodes around the first Loop, and inside it.
  private static func arithmetic(_ nodes: [OnnxNode]) -> [Int] {
    nodes.indices.filter { index in
      ["Add", "Sub", "Mul", "Div", "Mod", "Min", "Max"].contains(nodes[index].op)
        && ["rows.", "columns.", "count", "row", "column", "top", "left", "bottom", "right", "below", "beside"].contains
        {
          nodes[index].name.contains(".\($0)")
        } && nodes[index].name.hasPrefix("encoder_level1.")
    }
  }

  private static func other(_ op: String) -> String {
    ["Add": "Sub", "Sub": "Add", "Mul": "Add", "Div": "Mul", "Mod": "Div", "Min": "Max", "Max": "Min"][op] ?? op
  }

  private static func isRaised(_ document: OnnxDocument) throws -> Bool {
    try !Pipeline.run(RoundTripTests.imported(document)).graph.nodes.contains { $0.op is Primitive }
  }

  /// Every operator of the windows' arithmetic is looked at: none may be another one.
  @Test func otherWindowsAreLeftAlone() throws {
    let document = try RoundTripTests.document(Self.testCase)
    let loop = try #require(document.graph.nodes.firstIndex { $0.op == "Loop" })
    guard case .graph(let body)? = document.graph.nodes[loop].attributes.first?.value else {
      Issue.record("the Loop has no body")
      return
    }
    let (outside, inside) = (Self.arithmetic(document.graph.nodes), Self.arithmetic(body.nodes))
    try #require(outside.count >= 8 && inside.count >= 8)
    for index in outside {
      var copy = document
      copy.graph.nodes[index].op = Self.other(copy.graph.nodes[index].op)
      #expect(try !Self.isRaised(copy), "\(copy.graph.nodes[index])")
    }
    for index in inside {
      var (copy, changed) = (document, body)
      changed.nodes[index].op = Self.other(changed.nodes[index].op)
      copy.graph.nodes[loop].attributes[0].value = .graph(changed)
      #expect(try !Self.isRaised(copy), "\(changed.nodes[index])")
    }
  }

  @Test func theFirstObstacleIsNamed() throws {
    var document = try RoundTripTests.document(Self.testCase)
    let at = try #require(document.graph.nodes.firstIndex { $0.op == "Resize" })
    document.graph.nodes[at].attributes.removeAll { $0.name == "coordinate_transformation_mode" }
    document.graph.nodes[at].attributes.append(("coordinate_transformation_mode", .string("align_corners")))
    let explanations = try Pipeline.run(RoundTripTests.imported(document)).explanations
    let last = try #require(explanations.last)
    #expect(last.verdict == .rejected && last.node == document.graph.nodes[at].name)
    #expect(last.reason.contains("first obstacle: only bilinear resampling") && last.reason.contains("selective_scan"))
  }

  @Test func aGraphOfSomethingElseSaysSo() throws {
    var builder = PrimitiveGraph()
    let x = builder.input("x", ValueType(.float16, [1, 3, 8, 8]))
    builder.graph.setOutputs([try builder.one("Relu", [x])])
    let result = try Pipeline.run(builder.graph)
    #expect(result.graph.nodes.contains { $0.op is Primitive })
    #expect(result.explanations.last?.reason.contains("no input is a picture") == true)
  }

  /// What exporters make of `-size % 4` and of a flip at any size.
  @Test func sizesOfExportersAreThoseOfTheNetwork() throws {
    var builder = PrimitiveGraph()
    let (height, width) = (Dimension(symbol: "H"), Dimension(symbol: "W"))
    let x = builder.input("x", ValueType(.float32, [1, 3, height, width]))
    let size = try builder.one("Shape", [x], ["start": .int(2), "end": .int(4)])
    let missing = try builder.one(
      "Mod", [builder.one("Mul", [size, builder.ints([-1])]), builder.ints([4])], ["fmod": .int(0)])
    let pads = try builder.one("Concat", [builder.ints([0, 0, 0, 0, 0, 0]), missing], ["axis": .int(0)])
    let padded = try builder.one("Pad", [x, pads], ["mode": .string("reflect")])
    #expect(
      builder.type(padded).shape == [1, 3, try height.roundedUp(toMultipleOf: 4), try width.roundedUp(toMultipleOf: 4)])
    let back = try builder.ints([-1, -1])
    let turned = try builder.one(
      "Slice", [padded, back, builder.ints([Int.min, Int.min]), builder.ints([2, 3]), back])
    #expect(builder.type(turned) == builder.type(padded))
    let part = try builder.one("Slice", [padded, back, builder.ints([0, 0]), builder.ints([2, 3]), back])
    #expect(builder.type(part) != builder.type(padded))
  }
}
