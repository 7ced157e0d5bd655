import GraphIR
import GraphRaising
import PrimitiveOperators
import ReferenceInterpreter
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler
@testable import OnnxWriter

/// Graphs as exporters and optimisers write them become the stages of the checkpoint; what is nearly one of them does not.
@Suite struct ExporterFormTests {
  private static let square = RoundTripTests.Case(description: "square", sizes: ["H": 24, "W": 24])
  private static let anySize = RoundTripTests.Case(description: "any size", sizes: [:])

  private static func document(_ testCase: RoundTripTests.Case) throws -> OnnxDocument {
    try RoundTripTests.document(testCase)
  }

  private static func stages(_ document: OnnxDocument) throws -> Graph {
    try Pipeline.run(RoundTripTests.imported(document)).graph
  }

  private static func isRaised(_ graph: Graph) -> Bool { graph.nodes.allSatisfy { $0.op is any Decomposable } }

  /// The largest difference of a graph, run as it is, and of what it was raised to.
  private static func difference(_ document: OnnxDocument, _ height: Int, _ width: Int) throws -> Float {
    let graph = try RoundTripTests.imported(document)
    let raised = try Pipeline.run(graph).graph
    let picture = try Tensor(
      shape: [1, 3, height, width], floats: SeededWeights.picture(height: height, width: width, seed: 4))
    let a = try TensorInterpreter(graph).run([picture])[0].floats()
    let b = try Interpreter<Float>(raised).run([ReferenceArray<Float>(picture)])[0].elements
    return a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? .infinity : .infinity
  }

  // MARK: - Transposes behind norms, as ONNX Runtime's optimiser moves them

  @Test(arguments: [square, anySize]) func transposesBehindNormsAreFrames(_ testCase: RoundTripTests.Case) throws {
    let plain = try Self.document(testCase)
    var moved = plain
    try moved.moveTransposesBehindNorms()
    try #require(moved.graph.nodes.count == plain.graph.nodes.count + plain.transposedBlocks.count)
    let raised = try Self.stages(moved)
    #expect(try StageOutline.of(raised) == StageOutline.of(Pipeline.run(RoundTripTests.network(.whole)).graph))
    #expect(try Self.difference(moved, 24, 24) <= 2e-5)
  }

  @Test(arguments: [square, anySize]) func transposesBehindResidualsAreFrames(_ testCase: RoundTripTests.Case) throws {
    var document = try Self.document(testCase)
    try document.moveTransposesBehindNorms()
    try document.moveTransposesBehindResiduals()
    let raised = try Self.stages(document)
    #expect(try StageOutline.of(raised) == StageOutline.of(Pipeline.run(RoundTripTests.network(.whole)).graph))
    #expect(try Self.difference(document, 24, 24) <= 2e-5)
  }

  @Test func aScanThatIsNotTurnedBackIsLeftAlone() throws {
    var document = try Self.document(Self.square)
    try document.moveTransposesBehindNorms()
    try document.moveTransposesBehindResiduals(turnsScan: false)
    #expect(try !Self.isRaised(Self.stages(document)))
  }

  /// On a square picture the residual fits whether it is transposed or not.
  @Test func aResidualThatIsNotTransposedIsLeftAlone() throws {
    var document = try Self.document(Self.square)
    try document.moveTransposesBehindNorms()
    let block = try #require(document.transposedBlocks.first)
    let frame = try document.place(of: block + ".change_frame")
    let (source, transposed) = (document.graph.nodes[frame].inputs[0], document.graph.nodes[frame].outputs[0])
    try document.edit(document.residual(of: block)) { $0.inputs = $0.inputs.map { $0 == transposed ? source : $0 } }
    #expect(try !Self.isRaised(Self.stages(document)))
  }

  /// Only norms may change places with a frame: a depthwise convolution may not.
  @Test func aConvolutionDoesNotChangePlacesWithATranspose() throws {
    var builder = PrimitiveGraph()
    let x = builder.input("x", ValueType(.float32, [1, 2, 4, 4]))
    let kernel = try builder.floats([2, 1, 3, 3], (0..<18).map { Float($0) / 18 })
    let pads: [String: AttributeValue] = ["group": .int(2), "pads": .ints([1, 1, 1, 1])]
    let convolved = try builder.one("Conv", [x, kernel], pads)
    let turned = try builder.one("Transpose", [convolved], ["perm": .ints([0, 1, 3, 2])])
    builder.graph.setOutputs([try builder.one("Softplus", [turned])])
    let raised = try RaisePrimitives().run(builder.graph.ordered()).graph
    #expect(raised.nodes.map { $0.op.label } == ["depthwise_convolution", "change_frame", "unary"])
  }

  // MARK: - Layer norms in pieces

  @Test func layerNormsInPiecesAreOne() throws {
    var document = try Self.document(Self.anySize)
    try document.layerNormsInPieces()
    let raised = try Self.stages(document)
    #expect(try StageOutline.of(raised) == StageOutline.of(Pipeline.run(RoundTripTests.network(.whole)).graph))
    #expect(try Self.difference(document, 20, 24) <= 2e-5)
    // A plan's weights have names.
    #expect(raised.nodes.flatMap(\.inputs).allSatisfy { raised.constant($0) == nil || !raised[$0].name.isEmpty })
  }

  @Test func aLayerNormThatKeepsTheMeanIsLeftAlone() throws {
    var document = try Self.document(Self.anySize)
    try document.layerNormsInPieces(isFlawed: true)
    #expect(try !Self.isRaised(Self.stages(document)))
  }

  // MARK: - Paddings as TorchScript's exporter computes them

  @Test func paddingsOfTorchScriptAreThoseOfTheNetwork() throws {
    var document = try Self.document(Self.anySize)
    try document.padAsTorchScript()
    let raised = try Self.stages(document)
    #expect(try StageOutline.of(raised) == StageOutline.of(Pipeline.run(RoundTripTests.network(.whole)).graph))
    for (height, width) in [(20, 24), (33, 27)] { #expect(try Self.difference(document, height, width) <= 2e-5) }
  }

  @Test(arguments: OnnxDocument.PadFlaw.allCases) func otherPaddingsAreLeftAlone(_ flaw: OnnxDocument.PadFlaw) throws {
    var document = try Self.document(Self.anySize)
    try document.padAsTorchScript(flaw)
    // Pads that the other operators do not fit are refused when the graph is read.
    guard let graph = try? RoundTripTests.imported(document) else { return }
    #expect(try !Self.isRaised(Pipeline.run(graph).graph))
  }

  // MARK: - Windows as torch.export writes them

  private static let windows = RoundTripTests.Case(description: "windows", windows: .released)

  @Test func scatteredSumsAreWindows() throws {
    var document = try Self.document(Self.windows)
    try document.scatterWindows()
    try #require(document.graph.nodes.contains { $0.op == "ScatterND" })
    let raised = try Self.stages(document)
    #expect(try StageOutline.of(raised) == StageOutline.of(Pipeline.run(RoundTripTests.network(.released)).graph))
    #expect(try Self.difference(document, 44, 36) <= 2e-5)
  }

  @Test(arguments: OnnxDocument.WindowFlaw.allCases) func otherSumsAreLeftAlone(_ flaw: OnnxDocument.WindowFlaw) throws
  {
    var document = try Self.document(Self.windows)
    try document.scatterWindows(flaw)
    #expect(try !Self.isRaised(Self.stages(document)))
  }

  /// A map of 2 channels with windows of side 4, in which a matrix is applied; `front` is what comes before.
  private static func windowed(_ front: any Operator, _ weights: [Tensor]) throws -> Graph {
    var body = Graph()
    let window = body.addInput("window", .map(.float32, 2, Windows.windowHeight, Windows.windowWidth))
    let matrix = body.addConstant("matrix", try Tensor(shape: [2, 2], floats: [1, 2, 3, 5]))
    body.setOutputs([try body.addOne(PointwiseLinear(), [window, matrix], name: "linear")])
    var graph = Graph()
    let x = graph.addInput("x", .map(.float32, 2, 6, 7))
    let front = try graph.addOne(front, [x] + weights.map { graph.addConstant("", $0) }, name: "front")
    graph.setOutputs([try graph.addOne(Windows(side: 4, body: body), [front], name: "windows")])
    return graph
  }

  @Test func aNormInFrontOfWindowsIsThatOfEachWindow() throws {
    let weights = [try Tensor(shape: [2], floats: [2, -1]), try Tensor(shape: [2], floats: [0.5, 3])]
    let graph = try Self.windowed(RMSNorm(epsilon: 0.1), weights)
    let raised = try RaiseWindowNorms().run(graph).graph
    #expect(raised.nodes.map(\.op.label) == ["windows"])
    #expect((raised.nodes[0].op as? Windows)?.body.nodes.map(\.op.label) == ["rms_norm", "pointwise_linear"])
    let map = ReferenceArray<Float>(try Tensor(shape: [1, 2, 6, 7], floats: (0..<84).map { Float($0 % 13) - 6 }))
    let (a, b) = (
      try Interpreter<Float>(graph).run([map])[0].elements, try Interpreter<Float>(raised).run([map])[0].elements
    )
    #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 })
  }

  /// What reads a pixel's neighbours does not do the same at the edge of a window.
  @Test func aConvolutionStaysInFrontOfWindows() throws {
    let graph = try Self.windowed(
      DepthwiseConvolution(), [Tensor(shape: [2, 3, 3], floats: [Float](repeating: 1, count: 18))])
    let result = try RaiseWindowNorms().run(graph)
    #expect(!result.changed && result.graph.nodes.map(\.op.label) == ["depthwise_convolution", "windows"])
  }
}
