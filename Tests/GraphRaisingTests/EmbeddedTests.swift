import ExecutionPlan
import GraphIR
import PlanRuntime
import PrimitiveOperators
import ReferenceInterpreter
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler
@testable import OnnxWriter

/// Graphs of which an EVSSM network is a part: colours are normalised in front of it and the result is clipped behind it.
@Suite struct EmbeddedTests {
  static let cases = [
    RoundTripTests.Case(description: "one size", sizes: ["H": 32, "W": 24]),
    RoundTripTests.Case(description: "one size, padded, windows", windows: .released, sizes: ["H": 30, "W": 27]),
    RoundTripTests.Case(description: "any size", sizes: [:]),
    RoundTripTests.Case(description: "any size, windows", windows: .released, sizes: [:]),
  ]

  static let model = ModelDescription(
    architecture: "ONNX", hyperparameters: [], parameterCount: 0, windows: .whole, minimumSide: 1)

  /// The writer's document with five nodes around it.
  static func document(_ testCase: RoundTripTests.Case) throws -> OnnxDocument {
    var document = try RoundTripTests.document(testCase)
    let (input, output) = (document.graph.inputs[0].name, document.graph.outputs[0].name)
    for index in document.graph.nodes.indices {
      document.graph.nodes[index].inputs = document.graph.nodes[index].inputs.map { $0 == input ? "normalised" : $0 }
      document.graph.nodes[index].outputs = document.graph.nodes[index].outputs.map { $0 == output ? "network" : $0 }
    }
    for (name, values) in [("mean", [0.1, 0.2, 0.3]), ("deviation", [0.9, 0.8, 1.1])] {
      document.graph.initializers.append(
        OnnxTensor(name: name, tensor: try Tensor(shape: [1, 3, 1, 1], floats: values.map { Float($0) })))
    }
    for (name, value) in [("zero", Float(0)), ("one", 1)] {
      document.graph.initializers.append(OnnxTensor(name: name, tensor: try Tensor(shape: [], floats: [value])))
    }
    let before = [
      OnnxNode(op: "Sub", name: "centre", inputs: [input, "mean"], outputs: ["centred"]),
      OnnxNode(op: "Div", name: "scale", inputs: ["centred", "deviation"], outputs: ["normalised"]),
    ]
    let behind = [
      OnnxNode(op: "Mul", name: "unscale", inputs: ["network", "deviation"], outputs: ["unscaled"]),
      OnnxNode(op: "Add", name: "uncentre", inputs: ["unscaled", "mean"], outputs: ["uncentred"]),
      OnnxNode(op: "Clip", name: "clip", inputs: ["uncentred", "zero", "one"], outputs: [output]),
    ]
    document.graph.nodes = before + document.graph.nodes + behind
    return document
  }

  static func compiled(_ document: OnnxDocument) throws -> (graph: Graph, plan: CompiledPlan) {
    let graph = try RoundTripTests.imported(document)
    return (graph, try PlanCompiler.compile(onnx: graph, outputNames: ["restored"], model: model))
  }

  @Test(arguments: cases) func theNetworkBecomesStages(_ testCase: RoundTripTests.Case) throws {
    let (graph, compiled) = try Self.compiled(Self.document(testCase))
    let nodes = try #require(compiled.plan.graph).program.nodes
    #expect(nodes.map(\.call.type) == ["Sub", "Div", "evssm.Network", "Mul", "Add", "Clip"])
    let alone = try PlanCompiler.compile(
      onnx: RoundTripTests.imported(RoundTripTests.document(testCase)), outputNames: ["restored"], model: Self.model)
    #expect(compiled.plan.steps == alone.plan.steps && compiled.plan.buffers == alone.plan.buffers)
    #expect(compiled.explanations.contains { $0.pass == "raise-embedded" && $0.verdict == .applied })

    let directory = try TemporaryDirectory()
    _ = try PlanFile.write(compiled.loaded(), to: directory.path("net.plan"))
    let plan = try PlanFile.open(path: directory.path("net.plan"))
    let sizes = testCase.sizes.isEmpty ? [(24, 32), (45, 38)] : [(testCase.sizes["H"] ?? 0, testCase.sizes["W"] ?? 0)]
    var sessions = try [1, 2, 3].map { try TensorSession(plan: plan, workers: Workers(threads: $0)) }
    sessions.append(try TensorSession(plan: plan, workers: Workers(threads: 2), usesKernels: false))
    for (height, width) in sizes {
      let values = SeededWeights.picture(height: height, width: width, seed: 6)
      let picture = try Tensor(shape: [1, 3, height, width], floats: values)
      let expected = try TensorInterpreter(graph).run([picture])[0].floats()
      let results = try sessions.map { try $0.run([picture])[0] }
      #expect(results[0].shape == [1, 3, height, width])
      for result in results {
        #expect(result.floats() == results[0].floats())
        #expect((zip(result.floats(), expected).map { abs($0 - $1) }.max() ?? .infinity) <= 2e-5)
      }
      #expect(Set(expected).count > 100)
    }
  }

  @Test func stagesOfGraphsMayComputeInBFloat16() throws {
    let expected = try PlanCompiler.compile(RoundTripTests.network(.whole), model: Self.model, precision: .bfloat16)
      .plan
    let documents = try [RoundTripTests.document(Self.cases[2]), Self.document(Self.cases[2])]
    for document in documents {
      let graph = try RoundTripTests.imported(document)
      let compiled = try PlanCompiler.compile(
        onnx: graph, outputNames: ["restored"], model: Self.model, precision: .bfloat16)
      #expect(compiled.plan.precision == .bfloat16 && compiled.plan.steps == expected.steps)
    }
    let graph = try RoundTripTests.imported(documents[1])
    let error = #expect(throws: EVSSMError.self) {
      try PlanCompiler.compile(
        onnx: graph, outputNames: ["restored"], model: Self.model, raises: false, precision: .bfloat16)
    }
    #expect(error?.code.rawValue == "compile.precision")
  }

  /// A value of the network that something else reads as well.
  @Test func whatIsReadFromOutsideIsNoNetwork() throws {
    var document = try Self.document(Self.cases[0])
    let convolutions = document.graph.nodes.filter { $0.op == "Conv" }
    document.graph.nodes.append(
      OnnxNode(op: "ReduceMean", name: "tap", inputs: [convolutions[2].outputs[0]], outputs: ["tapped"]))
    let last = try #require(document.graph.nodes.firstIndex { $0.name == "clip" })
    document.graph.nodes[last].outputs = ["clipped"]
    let output = document.graph.outputs[0].name
    document.graph.nodes.append(OnnxNode(op: "Add", name: "sum", inputs: ["clipped", "tapped"], outputs: [output]))
    let (graph, compiled) = try Self.compiled(document)
    #expect(compiled.plan.steps.isEmpty && compiled.plan.graph?.program.nodes.count == graph.nodes.count)
  }

  /// The picture that is added at the end is another than the one that is convolved.
  @Test func anotherPictureIsNoNetwork() throws {
    var document = try Self.document(Self.cases[0])
    let nodes = document.graph.nodes
    let sum = try #require(nodes.lastIndex { $0.op == "Add" && $0.name != "uncentre" })
    document.graph.nodes[sum].inputs = nodes[sum].inputs.map { $0 == "normalised" ? "centred" : $0 }
    try #require(document.graph.nodes[sum].inputs != nodes[sum].inputs)
    let (_, compiled) = try Self.compiled(document)
    #expect(compiled.plan.steps.isEmpty)
  }

  @Test func plansWhosePartsDoNotBelongTogetherAreRefused() throws {
    let compiled = try Self.compiled(Self.document(Self.cases[0])).plan
    let graph = try #require(compiled.plan.graph)
    let found = graph.program.nodes.firstIndex(where: \.isNetwork)
    let place = try #require(found)
    func refused(_ change: (inout Plan) -> Void, _ what: Comment) {
      var copy = compiled
      change(&copy.plan)
      #expect(throws: EVSSMError.self, what) { try copy.loaded() }
    }
    refused({ $0.graph?.program.nodes[place].call = PrimitiveCall("Relu", opset: 20, inputs: [true]) }, "no network")
    refused(
      { $0.graph?.program.nodes[place - 1].call = EmbeddedNetwork.call }, "two networks, or operands that do not fit")
    refused({ $0.steps = [] }, "no stages")
    refused(
      {
        $0.steps = []; $0.buffers = []
      }, "a network without stages")
    refused(
      {
        $0.graph = nil; $0.model.minimumSide = 1
      }, "stages for pictures of one pixel")
    refused({ $0.model.minimumSide = 1 }, "stages for pictures of one pixel, in a graph")
    refused(
      { plan in
        guard var node = plan.graph?.program.nodes[place] else { return }
        node.bodies = [graph.program]
        plan.graph?.program.nodes[place] = node
      }, "a network inside a network")
    var moved = graph.program
    moved.nodes[place].call = PrimitiveCall("Relu", opset: 20, inputs: [true])
    moved.nodes[place].bodies = [graph.program]
    refused({ $0.graph?.program = moved }, "a network in a body")
  }

  /// A model file cannot name the operator.
  @Test func modelsCannotNameIt() throws {
    #expect(!PrimitiveRegistry.supports(domain: "", type: "evssm.Network", opset: 20))
    var document = try RoundTripTests.document(Self.cases[0])
    document.graph.nodes[0].op = "evssm.Network"
    #expect(throws: EVSSMError.self) { try RoundTripTests.imported(document) }
  }
}
