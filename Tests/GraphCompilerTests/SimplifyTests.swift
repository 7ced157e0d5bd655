import GraphIR
import PrimitiveOperators
import Tensors
import Testing

@testable import GraphCompiler

@Suite struct SimplifyTests {
  private func scan() throws -> Graph {
    var sketch = Sketch(channels: 2)
    let logarithms = try sketch.weight("A_logs", 2, 3)
    let exponential = try sketch.add(ElementwiseUnary(.exp), [logarithms], "exp")
    let decay = try sketch.add(ElementwiseUnary(.negate), [exponential], "negate")
    let delta = try sketch.add(ElementwiseUnary(.softplus), [sketch.x], "softplus")
    let b = try sketch.add(PointwiseLinear(), [sketch.x, sketch.weight("b", 3, 2)], "b")
    let c = try sketch.add(PointwiseLinear(), [sketch.x, sketch.weight("c", 3, 2)], "c")
    let skip = try sketch.weight("D", 2)
    return try sketch.finish(sketch.add(SelectiveScan(), [sketch.x, delta, decay, b, c, skip], "scan"))
  }

  @Test func constantsAreFolded() throws {
    let before = try scan()
    let (after, explanations) = try PassTesting.run(FoldConstants(), on: before)
    #expect(PassTesting.outline(before) == "unary unary unary pointwise_linear pointwise_linear selective_scan")
    #expect(PassTesting.outline(after) == "unary pointwise_linear pointwise_linear selective_scan")
    #expect(explanations.map(\.node) == ["exp", "negate"])
    #expect(explanations.allSatisfy { $0.verdict == .applied })
    #expect(after.dump().contains("negate: float64[2, 3]"))
  }

  @Test func theBaseGoesIntoTheDecay() throws {
    let (folded, _) = try PassTesting.run(FoldConstants(), on: scan())
    let (after, explanations) = try PassTesting.run(FoldBaseIntoDecay(), on: folded)
    #expect(after.nodes.contains { ($0.op as? SelectiveScan)?.base == .two })
    #expect(explanations.map(\.description) == ["fold-base-into-decay: applied at scan: log2(e) goes into A"])
    #expect(try FoldBaseIntoDecay().edit(after).isEmpty)
  }

  @Test func aDecayThatIsComputedStays() throws {
    let explanations = try FoldBaseIntoDecay().edit(scan()).explanations
    #expect(explanations.map(\.description) == ["fold-base-into-decay: rejected at scan: A is not a constant"])
  }

  @Test func spectralFiltersBecomeEven() throws {
    var sketch = Sketch(channels: 2, height: 8, width: 16)
    let graph = try sketch.finish(sketch.add(SpectralFilter(), [sketch.x, sketch.weight("fft", 2, 8, 5)], "fft"))
    let (after, _) = try PassTesting.run(SymmetriseSpectralFilter(), on: graph)
    #expect(
      after.dump() == """
        input %0 x: float32[1, 2, 8, 16]
        %2 = spectral_filter(%0, %1 fft: float64[2, 8, 8]) : float32[1, 2, 8, 16]  # fft
        output %2

        """)
    let filter = try #require(after.constant(ValueID(1))).doubles()
    for i in filter.indices {
      let (channel, u, v) = (i / 64, i / 8 % 8, i % 8)
      let mirror: Int = channel * 64 + (8 - u) % 8 * 8 + (8 - v) % 8
      #expect(filter[i] == filter[mirror])
    }
    #expect(try SymmetriseSpectralFilter().edit(after).isEmpty)
  }

  @Test func regionsAreEntered() throws {
    var body = Graph()
    let part = body.addInput("part", .map(.float32, 2, Windows.windowHeight, Windows.windowWidth))
    let constant = body.addConstant("w", try PassTesting.tensor([2, 2], seed: 1))
    let negated = try body.addOne(ElementwiseUnary(.negate), [constant], name: "negate")
    body.setOutputs([try body.addOne(PointwiseLinear(), [part, negated], name: "linear")])
    var sketch = Sketch(channels: 2)
    let graph = try sketch.finish(sketch.add(Windows(side: 9, body: body), [sketch.x], "windows"))
    let (after, explanations) = try PassTesting.run(FoldConstants(), on: graph)
    #expect(PassTesting.outline(graph) == "windows[unary pointwise_linear]")
    #expect(PassTesting.outline(after) == "windows[pointwise_linear]")
    #expect(after.nodes.map(\.name) == ["windows"])
    #expect(explanations.map(\.node) == ["negate"])
  }

  private func primitive(_ type: String, _ inputs: Int) throws -> Primitive {
    let call = PrimitiveCall(
      type, opset: 17, attributes: [:], inputs: Array(repeating: true, count: inputs), outputs: [true])
    return try Primitive(call, node: type)
  }

  @Test func constantsThatPrimitivesTakeKeepTheirTypes() throws {
    var graph = Graph()
    let x = graph.addInput("x", ValueType(.float32, [4]))
    let negated = try graph.addOne(
      ElementwiseUnary(.negate), [graph.addConstant("c", PassTesting.tensor([4], seed: 1))], name: "negate")
    let sum = try graph.addOne(primitive("Add", 2), [negated, negated], name: "sum")
    graph.setOutputs([try graph.addOne(primitive("Add", 2), [x, sum], name: "add")])
    let (after, _, _) = try FoldConstants().run(graph)
    #expect(after.nodes.map(\.name) == ["add"])
    #expect(after.nodes[0].inputs.map { after[$0].type.dtype } == [.float32, .float32])
  }

  @Test func foldingIsBounded() throws {
    var graph = Graph()
    let x = graph.addInput("x", ValueType(.float32, [8192, 8192]))
    let column = graph.addConstant("column", try PassTesting.tensor([8192, 1], seed: 1))
    let row = graph.addConstant("row", try PassTesting.tensor([1, 8192], seed: 2))
    let outer = try graph.addOne(primitive("Mul", 2), [column, row], name: "outer")
    graph.setOutputs([try graph.addOne(primitive("Add", 2), [x, outer], name: "add")])
    let edit = try FoldConstants().edit(graph)
    #expect(edit.isEmpty)
    #expect(edit.explanations.map(\.verdict) == [.rejected])
  }
}
