import EVSSMModel
import GraphIR
import OnnxFormat
import ReferenceInterpreter
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler
@testable import OnnxWriter

/// What a stage is, apart from its weights.
struct StageOutline: Hashable, CustomStringConvertible {
  var name: String
  var kind: String
  var attributes: [Attribute]

  static func of(_ graph: Graph) -> [StageOutline] {
    graph.nodes.map { StageOutline(name: $0.name, kind: $0.op.label, attributes: $0.op.attributes) }
  }

  var description: String { "\(name): \(kind)" }
}

/// Exports of the authors' network become the plan that its checkpoint becomes.
@Suite struct RaiseGoldenTests {
  static func imported(_ name: String) throws -> Graph {
    try OnnxModel(path: Fixtures.path("onnx/\(name)")).imported().graph
  }

  @Test func anExportHasTheStagesOfTheCheckpoint() throws {
    let golden = try #require(Golden.small.first { $0.name == "small-48x80" })
    let raised = try Pipeline.run(Self.imported("small-48x80-opset20.onnx"))
    let expected = try Pipeline.run(EVSSMModel.graph(golden.catalogue(), golden.architecture, windows: .whole))
    #expect(StageOutline.of(raised.graph) == StageOutline.of(expected.graph))
    let input = try golden.input()
    let array = ReferenceArray<Float>(try Tensor(shape: input.shape, floats: input.elements))
    let output = try Interpreter<Float>(raised.graph).run([array])[0].elements
    let difference = zip(output, try golden.output()).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= Golden.tolerance)
  }

  @Test func anOldExportWithExternalWeightsIsTheSameFunction() throws {
    let raised = try Pipeline.run(Self.imported("tiny-32x40-opset18.onnx"))
    #expect(raised.graph.nodes.allSatisfy { $0.op is any Decomposable })
    let input = ReferenceArray<Float>(try Fixtures.array("onnx/tiny-32x40-input.npy"))
    let output = try Interpreter<Float>(raised.graph).run([input])[0].elements
    let expected = try Fixtures.array("onnx/tiny-32x40-output.npy").floats()
    #expect((zip(output, expected).map { abs($0 - $1) }.max() ?? .infinity) <= Golden.tolerance)
  }

  @Test func withoutRaisingAGraphStaysAsItIs() throws {
    let graph = try Self.imported("tiny-32x40-opset18.onnx")
    let result = try Pipeline.run(graph, .init(raises: false))
    #expect(result.graph.dump() == graph.dump() && result.explanations.isEmpty)
  }
}

/// .pth → .onnx → stages are .pth → stages; what is nearly a network is left alone.
@Suite struct RoundTripTests {
  struct Case: Sendable, CustomStringConvertible {
    var description: String
    var windows = WindowMode.whole
    var sizes = ["H": 44, "W": 36]
    var opset = 20
    var form = OnnxWriter.ScanForm.scan
  }

  static let cases = [
    Case(description: "scan", sizes: ["H": 32, "W": 24]),
    Case(description: "function, old operators, padded", sizes: ["H": 30, "W": 27], opset: 17, form: .function),
    Case(description: "windows", windows: .released),
    Case(description: "any size", sizes: [:]),
    Case(description: "any size, windows", windows: .released, sizes: [:]),
    Case(
      description: "any size, windows, function, old operators", windows: .released, sizes: [:], opset: 17,
      form: .function),
    Case(description: "any size, windows, newest operators", windows: .released, sizes: [:], opset: 28),
  ]

  static func network(_ windows: WindowMode) throws -> Graph {
    let architecture = SeededWeights.architecture(dim: 4, blocks: [1, 1, 1])
    let catalogue = try SeededWeights.catalogue(architecture, seed: 5)
    return try EVSSMModel.graph(catalogue, architecture, windows: windows, windowSides: [20, 12, 6])
  }

  static func document(_ testCase: Case) throws -> OnnxDocument {
    try OnnxWriter.document(
      network(testCase.windows), .init(opset: testCase.opset, scanForm: testCase.form, sizes: testCase.sizes))
  }

  static func imported(_ document: OnnxDocument) throws -> Graph {
    var bytes: [UInt8] = []
    for piece in document.encoded(producer: ("evssm", ""), external: [:]) {
      switch piece {
      case .bytes(let more): bytes += more
      case .tensor(let tensor): tensor.withUnsafeBytes { bytes += $0 }
      }
    }
    return try OnnxModel(bytes).imported().graph
  }

  @Test(arguments: cases) func theStagesAndTheirWeightsAreThoseOfTheCheckpoint(_ testCase: Case) throws {
    let raised = try Pipeline.run(Self.imported(Self.document(testCase))).graph
    let expected = try Pipeline.run(Self.network(testCase.windows)).graph
    try #require(StageOutline.of(raised) == StageOutline.of(expected))
    for (a, b) in zip(raised.nodes, expected.nodes) {
      for (x, y) in zip(a.inputs, b.inputs) {
        guard let p = raised.constant(x), let q = expected.constant(y) else { continue }
        #expect(p.shape == q.shape)
        let difference = zip(p.floats(), q.floats()).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
        #expect(difference <= 1e-5, "\(a.name)")
      }
    }
  }

  /// One node of the first block changed.
  private func expectLeft(
    _ label: String, _ testCase: Case = RoundTripTests.cases[0], _ change: (inout OnnxNode) -> Bool
  ) throws {
    var document = try Self.document(testCase)
    let index = try #require(
      document.graph.nodes.indices.first { change(&document.graph.nodes[$0]) }, "nothing to change for \(label)")
    let graph = try Self.imported(document)
    let result = try Pipeline.run(graph)
    #expect(result.graph.nodes.contains { $0.op is Primitive }, "\(label) at \(index) was raised")
    #expect(result.explanations.contains { $0.verdict == .rejected }, "\(label) has no reason")
  }

  private static func setting(_ node: inout OnnxNode, _ op: String, _ name: String, _ value: OnnxAttribute) -> Bool {
    guard node.op == op else { return false }
    node.attributes.removeAll { $0.name == name }
    node.attributes.append((name, value))
    return true
  }

  @Test func nearMissesAreLeftAlone() throws {
    try expectLeft("a GELU with tanh") { Self.setting(&$0, "Gelu", "approximate", .string("tanh")) }
    try expectLeft("another interpolation") {
      Self.setting(&$0, "Resize", "coordinate_transformation_mode", .string("asymmetric"))
    }
    try expectLeft("a norm that divides by the mean") { node in
      guard node.op == "Sqrt" else { return false }
      node.op = "Abs"
      return true
    }
    try expectLeft("a scan that runs backwards") {
      Self.setting(&$0, "Scan", "scan_input_directions", .ints([1, 1, 1, 1]))
    }
    try expectLeft("a recurrence without an exponential") { node in
      guard node.op == "Scan", case .graph(var body)? = node.attributes.first(where: { $0.name == "body" })?.value
      else {
        return false
      }
      body.nodes[1].op = "Tanh"
      return Self.setting(&node, "Scan", "body", .graph(body))
    }
  }

  @Test func aChangedConstantIsSeen() throws {
    var document = try Self.document(Self.cases[0])
    let at = try #require(document.graph.initializers.firstIndex { $0.name == "hartley_8x8" })
    var values = document.graph.initializers[at].tensor.floats()
    values[9] += 0.01
    document.graph.initializers[at].tensor = try Tensor(shape: [64, 64], floats: values)
    let result = try Pipeline.run(Self.imported(document))
    #expect(result.graph.nodes.contains { $0.op is Primitive })
  }

  @Test func windowsThatAreWeightedOtherwiseAreLeftAlone() throws {
    var document = try Self.document(Self.cases[2])
    let at = try #require(document.graph.initializers.firstIndex { $0.name.hasPrefix("cover.") })
    var values = document.graph.initializers[at].tensor.floats()
    values[0] += 1
    document.graph.initializers[at].tensor = try Tensor(
      shape: document.graph.initializers[at].tensor.shape, floats: values)
    let result = try Pipeline.run(Self.imported(document))
    #expect(result.graph.nodes.contains { $0.op is Primitive })
  }
}
