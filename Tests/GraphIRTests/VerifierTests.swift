import GraphIR
import Tensors
import Testing

/// Each rule of the verifier, broken.
@Suite struct VerifierTests {
  /// The parts of ``SmallGraphs/residual()``, changed and put together again.
  private func broken(
    _ change: (inout [Value], inout [ValueID], inout [ValueID], inout [Node]) -> Void
  ) throws -> EVSSMError? {
    let graph = try SmallGraphs.residual()
    var (values, inputs, outputs, nodes) = (graph.values, graph.inputs, graph.outputs, graph.nodes)
    change(&values, &inputs, &outputs, &nodes)
    let changed = Graph(values: values, inputs: inputs, outputs: outputs, nodes: nodes)
    return #expect(throws: EVSSMError.self) { try Verifier.check(changed, after: "a-test-pass") }
  }

  @Test func acceptsWhatTheBuilderMakes() throws {
    try Verifier.check(SmallGraphs.residual(), after: "building")
    try Verifier.check(SmallGraphs.windowed(), after: "building")
  }

  @Test func namesThePassTheNodeAndTheFacts() throws {
    let error = try broken { _, _, _, nodes in nodes[1].op = SpectralFilter() }
    #expect(error?.code == "graph.invalid")
    #expect(error?.place.node == "linear")
    #expect(error?.message.contains("a-test-pass") == true)
    #expect(error?.message.contains("spectral_filter(%1: float32[1, 2, H, W], %2: float32[2, 2])") == true)
  }

  @Test func usesBeforeDefinitions() throws {
    let error = try broken { _, _, _, nodes in nodes.swapAt(0, 1) }
    #expect(error?.message.contains("before it is defined") == true)
  }

  @Test func secondDefinitions() throws {
    let error = try broken { _, _, _, nodes in nodes[1].outputs = nodes[0].outputs }
    #expect(error?.message.contains("is defined again") == true)
  }

  @Test func definitionsOfConstants() throws {
    let error = try broken { _, inputs, _, nodes in inputs.append(nodes[1].inputs[1]) }
    #expect(error?.message.contains("is defined again by an input") == true)
  }

  @Test func outputsThatNothingDefines() throws {
    let error = try broken { values, _, outputs, _ in
      values.append(Value(type: SmallGraphs.map))
      outputs.append(ValueID(values.count - 1))
    }
    #expect(error?.message.contains("is never defined") == true)
  }

  @Test func valuesThatDoNotExist() throws {
    #expect(
      try broken { _, _, _, nodes in nodes[0].inputs = [ValueID(99)] }?.message.contains("does not exist") == true)
    #expect(try broken { _, _, outputs, _ in outputs = [ValueID(-1)] }?.message.contains("does not exist") == true)
  }

  @Test func typesThatAreNotInferred() throws {
    let error = try broken { values, _, _, nodes in values[nodes[0].outputs[0].index].type.dtype = .float64 }
    #expect(error?.message.contains("has outputs of types") == true)
  }

  @Test func numbersOfInputs() throws {
    let error = try broken { _, _, _, nodes in nodes[0].inputs.append(nodes[0].inputs[0]) }
    #expect(error?.message.contains("takes 1 to 1 inputs, not 2") == true)
  }

  @Test func constantsOfAnotherShape() throws {
    let error = try broken { values, _, _, nodes in values[nodes[1].inputs[1].index].type.shape = [2, 3] }
    #expect(error?.message.contains("said to be") == true)
  }

  @Test func sizesThatNoInputDecides() throws {
    let error = try broken { values, inputs, _, _ in
      let unknown = ValueType.map(.float32, 2, Dimension(symbol: "H"), Dimension(symbol: "V"))
      values.append(Value(type: unknown))
      values[inputs[0].index].type.shape[3] = 7
    }
    #expect(error?.message.contains("that no input decides") == true)
  }

  @Test func namesThatAreEmptyOrTwice() throws {
    #expect(try broken { _, _, _, nodes in nodes[0].name = "" }?.message.contains("empty or used twice") == true)
    #expect(try broken { _, _, _, nodes in nodes[0].name = "sum" }?.message.contains("empty or used twice") == true)
  }

  @Test func bodiesOfRegions() throws {
    let graph = try SmallGraphs.windowed()
    let windows = try #require(graph.nodes[0].op as? Windows)
    var nodes = windows.body.nodes
    nodes[0].inputs[0] = ValueID(2)
    let body = Graph(
      values: windows.body.values, inputs: windows.body.inputs, outputs: windows.body.outputs, nodes: nodes)
    let changed = Graph(
      values: graph.values, inputs: graph.inputs, outputs: graph.outputs,
      nodes: [Node(name: "windows", op: windows.withRegions([body]), inputs: graph.inputs, outputs: graph.outputs)])
    let error = #expect(throws: EVSSMError.self) { try Verifier.check(changed, after: "a-test-pass") }
    #expect(error?.place.node == "convolution")
  }

  @Test func bodiesOfAnotherSize() throws {
    var body = Graph()
    let part = body.addInput("part", SmallGraphs.map)
    body.setOutputs([part])
    #expect(throws: EVSSMError.self) { try Windows(side: 4, body: body).inferTypes([SmallGraphs.map]) }
  }

  @Test func nestingTooDeep() throws {
    let window = ValueType.map(.float32, 2, Windows.windowHeight, Windows.windowWidth)
    var body = Graph()
    body.setOutputs([body.addInput("part", window)])
    for depth in 0..<20 {
      var outer = Graph()
      let part = outer.addInput("part", window)
      outer.setOutputs([try outer.addOne(Windows(side: 4, body: body), [part], name: "windows\(depth)")])
      body = outer
    }
    let error = #expect(throws: EVSSMError.self) { try Verifier.check(body, after: "a-test-pass") }
    #expect(error?.limit == "max_region_depth")
  }
}
