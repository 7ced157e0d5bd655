import GraphIR
import GraphRaising
import PrimitiveOperators
import ReferenceInterpreter
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler
@testable import OnnxWriter

/// One thing in the network's graph changed: it becomes stages that do the same as the changed graph, or none.
@Suite struct ChangedNetworkTests {
  enum Outcome: Sendable { case raised, left }

  struct Change: Sendable, CustomStringConvertible {
    var description: String
    var outcome: Outcome
    /// Whether the results differ by more than rounding.
    var isVisible = true
    var edit: @Sendable (inout OnnxDocument) throws -> Void
  }

  private static let (height, width) = (20, 24)
  private static let block = "encoder_level1.block0"

  private static func normEpsilon(_ value: Float) -> @Sendable (inout OnnxDocument) throws -> Void {
    { document in
      let name = try document.addConstant("other.epsilon", [], [value])
      try document.edit("\(block).norm1.epsilon") { $0.inputs[1] = name }
    }
  }

  private static func padMode(_ mode: String) -> @Sendable (inout OnnxDocument) throws -> Void {
    { document in try document.setAttribute("\(block).ffn.pad", "mode", .string(mode)) }
  }

  static let changes: [Change] = [
    // Another number where the network has one of its own: stages with that number.
    Change(description: "another ε in an RMS norm", outcome: .raised, edit: normEpsilon(0.5)),
    Change(description: "another ε in a layer norm", outcome: .raised) {
      try $0.setAttribute("\(block).attn.out_norm.normalised", "epsilon", .float(0.25))
    },
    Change(description: "a depthwise kernel with rows for columns", outcome: .raised) { document in
      try document.replaceConstant("\(block).attn.conv2d.weight") { values in
        values.indices.map { values[$0 / 9 * 9 + $0 % 3 * 3 + $0 % 9 / 3] }
      }
    },
    Change(description: "an embedding with rows for columns", outcome: .raised) { document in
      try document.replaceConstant("patch_embed.proj.weight") { values in
        values.indices.map { values[$0 / 9 * 9 + $0 % 3 * 3 + $0 % 9 / 3] }
      }
    },
    // The sign goes into the weights of the projection.
    Change(description: "a difference for the residual", outcome: .raised) { document in
      try document.edit(document.residual(of: block)) { $0.op = "Sub" }
    },
    // Another function.
    Change(description: "no ε", outcome: .left, isVisible: false, edit: normEpsilon(0)),
    Change(description: "an ε below zero", outcome: .left, isVisible: false, edit: normEpsilon(-1e-6)),
    Change(description: "ε added behind the root", outcome: .left, isVisible: false) { document in
      try document.edit("\(block).norm1.epsilon") {
        $0.op = "Sqrt"; $0.inputs = [$0.inputs[0]]
      }
      try document.edit("\(block).norm1.root") {
        $0.op = "Add"; $0.inputs.append("float.1e-06")
      }
    },
    Change(description: "a norm over rows", outcome: .left) { document in
      let axes = try document.addIntegers("rows", [2])
      try document.edit("\(block).norm1.mean") { $0.inputs[1] = axes }
    },
    Change(description: "a maximum for a mean", outcome: .left) { document in
      try document.edit("\(block).norm1.mean") { $0.op = "ReduceMax" }
    },
    Change(description: "padding by zeros", outcome: .left, edit: padMode("constant")),
    Change(description: "padding by the edge", outcome: .left, edit: padMode("edge")),
    Change(description: "padding around", outcome: .left, edit: padMode("wrap")),
    Change(description: "padding at the top", outcome: .left) { document in
      let node = document.graph.nodes[try document.place(of: "\(block).ffn.pad")]
      let at = document.graph.initializers.firstIndex { $0.name == node.inputs[1] }
      guard let at else { throw EVSSMError("test", "The pads are no constant.") }
      let pads = document.graph.initializers[at].tensor.integers()
      let name = try document.addIntegers("other.pads", (pads.suffix(4) + pads.prefix(4)).map { Int($0) })
      try document.edit("\(block).ffn.pad") { $0.inputs[1] = name }
    },
    Change(description: "another gate", outcome: .left) { document in
      try document.edit("\(block).attn.gelu_z") { $0.op = "Relu" }
    },
  ]

  @Test(arguments: changes) func theChangeIsSeen(_ change: Change) throws {
    let testCase = RoundTripTests.Case(
      description: "", sizes: ["H": Self.height, "W": Self.width])
    let plain = try RoundTripTests.document(testCase)
    var document = plain
    try change.edit(&document)
    let graph = try RoundTripTests.imported(document)
    let result = try Pipeline.run(graph)
    let isRaised = result.graph.nodes.allSatisfy { $0.op is any Decomposable }
    #expect(isRaised == (change.outcome == .raised))
    let found = try Self.output(graph)
    if change.isVisible {
      let before = try Self.output(RoundTripTests.imported(plain))
      #expect((zip(found, before).map { abs($0 - $1) }.max() ?? 0) > 1e-4)
    }
    guard isRaised else {
      #expect(result.explanations.contains { $0.verdict == .rejected })
      return
    }
    let raised = try Interpreter<Float>(result.graph).run([ReferenceArray<Float>(Self.picture())])[0].elements
    #expect((zip(found, raised).map { abs($0 - $1) }.max() ?? .infinity) <= 2e-5)
  }

  private static func picture() throws -> Tensor {
    try Tensor(shape: [1, 3, height, width], floats: SeededWeights.picture(height: height, width: width, seed: 4))
  }

  private static func output(_ graph: Graph) throws -> [Float] {
    try TensorInterpreter(graph).run([picture()])[0].floats()
  }

  // MARK: - Matrices

  enum Product: String, Sendable, CaseIterable {
    case matrixRight, matrixLeft, gemm, gemmTransposed, einsum, einsumTransposed, pointwise
  }

  /// A square matrix fits either way round: which way it was is kept.
  @Test(arguments: Product.allCases, [false, true]) func aSquareMatrixKeepsItsDirection(
    _ product: Product, _ isTransposed: Bool
  ) throws {
    let (channels, height, width) = (4, 3, 5)
    var generator = SeededGenerator(seed: 8)
    let values = (0..<channels * channels).map { _ in Float(generator.uniform() - 0.5) }
    let matrix = isTransposed ? values.indices.map { values[$0 % channels * channels + $0 / channels] } : values
    var builder = PrimitiveGraph()
    let x = builder.input("x", ValueType(.float32, [1, Dimension(channels), Dimension(height), Dimension(width)]))
    let weight = try builder.floats(product == .pointwise ? [channels, channels, 1, 1] : [channels, channels], matrix)
    let result = try Self.product(product, x, weight, [channels, height, width], &builder)
    builder.graph.setOutputs([result])
    let source = try builder.graph.ordered()
    let raised = try RaisePrimitives().run(source).graph
    #expect(raised.nodes.contains { $0.op is PointwiseLinear } && !raised.nodes.contains { $0.op is RaisedOperator })
    let picture = try Tensor(
      shape: [1, channels, height, width],
      floats: (0..<channels * height * width).map { _ in Float(generator.uniform()) })
    let a = try TensorInterpreter(source).run([picture])[0].floats()
    let b = try Interpreter<Float>(raised).run([ReferenceArray<Float>(picture)])[0].elements
    #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 })
  }

  private static func product(
    _ product: Product, _ x: ValueID, _ weight: ValueID, _ size: [Int], _ builder: inout PrimitiveGraph
  ) throws -> ValueID {
    let (channels, pixels) = (size[0], size[1] * size[2])
    let whole = try builder.ints([1] + size)
    func back(_ value: ValueID) throws -> ValueID { try builder.one("Reshape", [value, whole]) }
    switch product {
    case .pointwise: return try builder.one("Conv", [x, weight])
    case .matrixLeft:
      return try back(builder.one("MatMul", [weight, builder.one("Reshape", [x, builder.ints([channels, pixels])])]))
    case .einsum, .einsumTransposed:
      let equation = product == .einsum ? "bchw,dc->bdhw" : "bchw,cd->bdhw"
      return try builder.one("Einsum", [x, weight], ["equation": .string(equation)])
    case .matrixRight, .gemm, .gemmTransposed:
      let last = try builder.one("Transpose", [x], ["perm": .ints([0, 2, 3, 1])])
      let rows = try builder.one("Reshape", [last, builder.ints([pixels, channels])])
      let op = product == .matrixRight ? "MatMul" : "Gemm"
      let attributes: [String: AttributeValue] = product == .gemmTransposed ? ["transB": .int(1)] : [:]
      let made = try builder.one(op, [rows, weight], attributes)
      let grid = try builder.one("Reshape", [made, builder.ints([1, size[1], size[2], channels])])
      return try builder.one("Transpose", [grid], ["perm": .ints([0, 3, 1, 2])])
    }
  }
}
