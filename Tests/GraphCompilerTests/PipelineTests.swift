import EVSSMModel
import GraphIR
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing

@testable import GraphCompiler

/// The compiled graph is the network: in float64, to 1e-9, whatever the sizes, windows, blocks and channels.
@Suite struct PipelineTests {
  struct Case: Sendable, CustomStringConvertible {
    var architecture: EVSSMArchitecture
    var height, width: Int
    var mode = WindowMode.released
    var sides = EVSSMArchitecture.releasedWindowSides
    var seed: UInt32 = 1
    var description: String {
      "dim \(architecture.dim), blocks \(architecture.blocks), \(height)×\(width), \(mode) \(sides)"
    }

    func graph() throws -> Graph {
      let catalogue = try SeededWeights.catalogue(architecture, seed: seed)
      return try EVSSMModel.graph(catalogue, architecture, windows: mode, windowSides: sides)
    }

    func run(_ graph: Graph) throws -> [Double] {
      let picture = SeededWeights.picture(height: height, width: width, seed: UInt64(seed)).map(Double.init)
      return try Interpreter<Double>(graph).run([ReferenceArray(shape: [1, 3, height, width], elements: picture)])[0]
        .elements
    }
  }

  static func architecture(
    _ dim: Int, _ blocks: [Int], _ expansion: Double = 3, down: [Int] = [3, 3], up: [Int] = [3, 3]
  ) -> EVSSMArchitecture {
    SeededWeights.architecture(dim: dim, blocks: blocks, expansion: expansion, downKernels: down, upKernels: up)
  }

  static let cases = [
    Case(architecture: architecture(4, [1, 1, 1]), height: 20, width: 24),
    Case(architecture: architecture(3, [1, 2, 1]), height: 45, width: 30, mode: .whole),
    Case(architecture: architecture(4, [2, 1, 3], 2.66), height: 36, width: 23, sides: [20, 9, 5]),
    Case(
      architecture: architecture(2, [3, 2, 1], down: [1, 3], up: [1, 1]), height: 22, width: 41, sides: [24, 12, 7]),
    Case(architecture: architecture(5, [1, 3, 2], 2.5), height: 27, width: 32, sides: [11, 7, 3], seed: 3),
  ]

  static func difference(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).map { abs($0 - $1) }.max() ?? .infinity }

  @Test(arguments: cases) func compiledIsUncompiled(_ testCase: Case) throws {
    let graph = try testCase.graph()
    let fused = try Pipeline.run(graph).graph
    #expect(Self.difference(try testCase.run(graph), try testCase.run(fused)) <= 1e-9)
  }

  @Test func everyPassKeepsTheFunction() throws {
    let testCase = Case(architecture: Self.architecture(3, [1, 2, 1]), height: 22, width: 25, sides: [13, 7, 4])
    let graph = try testCase.graph()
    let expected = try testCase.run(graph)
    let result = try Pipeline.run(graph, .init(keepsSnapshots: true))
    let passes = (Pipeline.simplify + Pipeline.lower + Pipeline.fuse).map { type(of: $0).name }
    let changes = result.snapshots.filter(\.changed)
    #expect(changes.map(\.pass) == passes)
    for snapshot in changes {
      #expect(Self.difference(expected, try testCase.run(snapshot.graph)) <= 1e-9, "\(snapshot.pass)")
    }
  }

  @Test(arguments: WindowMode.allCases) func theFusedGraphIsTheStagesInOrder(
    _ mode: WindowMode
  ) throws {
    let testCase = Case(architecture: Self.architecture(4, [1, 1, 2]), height: 20, width: 20, mode: mode)
    let graph = try Pipeline.run(testCase.graph()).graph
    let block = "scan_stage feed_forward_stage "
    #expect(
      PassTesting.outline(graph)
        == "picture_convolution \(block)halve_convolution \(block)halve_convolution "
        + "\(block)\(block)\(block)\(block)double_convolution \(block)double_convolution \(block)output_convolution")
    let scans = graph.nodes.compactMap { $0.op as? FusedScanStage }
    let (t, f, tf) = (Frame(transposed: true), Frame(halfTurned: true), Frame(transposed: true, halfTurned: true))
    #expect(scans.map(\.frame) == [t, .upright, t, tf, f, .upright, t, .upright])
    #expect(
      scans.map(\.windowSide)
        == (mode == .whole ? [Int?](repeating: nil, count: 8) : [384, 192, 96, 96, 96, 96, 192, 384]))
    #expect(scans.map(\.rank) == [1, 1, 1, 1, 1, 1, 1, 1])
    #expect(graph.nodes.filter { $0.op is FusedScanStage }.allSatisfy { $0.name.hasSuffix(".scan_stage") })
  }

  @Test func stagesStopWhereAsked() throws {
    let graph = try Self.cases[0].graph()
    let simplified = try Pipeline.run(graph, .init(last: .simplify)).graph
    #expect(simplified.nodes.contains { $0.op is ChangeFrame })
    let lowered = try Pipeline.run(graph, .init(last: .lower)).graph
    #expect(!lowered.nodes.contains { $0.op is ChangeFrame })
    #expect(!lowered.nodes.contains { $0.op is any Decomposable })
  }

  @Test func compilingIsDeterministic() throws {
    let graph = try Self.cases[2].graph()
    let (a, b) = (try Pipeline.run(graph), try Pipeline.run(graph))
    #expect(a.graph.dump() == b.graph.dump())
    #expect(a.explanations == b.explanations)
  }

  @Test func explanationsAreNotRepeated() throws {
    let explanations = try Pipeline.run(Self.cases[0].graph()).explanations
    #expect(Set(explanations).count == explanations.count)
    #expect(explanations.contains { $0.verdict == .applied } && explanations.contains { $0.verdict == .rejected })
  }

  @Test func whatIsLeftOverIsNamed() throws {
    var sketch = Sketch()
    let graph = try sketch.finish(sketch.add(ElementwiseUnary(.gelu), [sketch.x], "lonely"))
    let error = #expect(throws: EVSSMError.self) { try Pipeline.run(graph) }
    #expect(error?.code == "compiler.not-fused")
    #expect(error?.message.contains("lonely (unary)") == true)
  }

  /// A scan stage with one thing changed is not fused, and the reason is told.
  @Test func nearlyAStageIsRejectedWithAReason() throws {
    let graph = try Self.cases[1].graph()
    let lowered = try Pipeline.run(graph, .init(last: .lower)).graph
    let scan = try #require(lowered.nodes.first { $0.op is SelectiveScan })
    var edit = Edit(of: lowered, pass: "test")
    let gelu = try edit.addOne(ElementwiseUnary(.gelu), [scan.inputs[3]], name: "extra")
    var inputs = scan.inputs
    inputs[3] = gelu
    try edit.replace(
      scan.outputs[0], with: edit.addOne(try #require(scan.op as? SelectiveScan), inputs, name: scan.name))
    let explanations = try FuseScanStage().edit(lowered.applying(edit)).explanations
    let rejected = explanations.filter { $0.verdict == .rejected }
    #expect(rejected.map(\.node) == ["encoder_level1.block0.scan_stage"])
    #expect(rejected[0].reason == "the scan's parameters are not the time step, B and C")
  }
}
