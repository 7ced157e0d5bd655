import GraphIR
import Tensors
import Testing

@Suite struct EditTests {
  @Test func replacesAndRemovesWhatIsNoLongerNeeded() throws {
    let graph = try SmallGraphs.residual()
    var edit = Edit(of: graph, pass: "test")
    let gelu = graph.nodes[0]
    try edit.replace(gelu.outputs[0], with: edit.addOne(ElementwiseUnary(.softplus), gelu.inputs, name: "softplus"))
    edit.applied(gelu.name, "for the test")
    let changed = try graph.applying(edit)
    #expect(changed.nodes.map(\.name) == ["softplus", "linear", "sum"])
    #expect(changed.values.count == graph.values.count)
    #expect(edit.explanations.map(\.description) == ["test: applied at gelu: for the test"])
  }

  @Test func laterReplacementsReachNewNodes() throws {
    let graph = try SmallGraphs.residual()
    let (gelu, linear) = (graph.nodes[0], graph.nodes[1])
    var edit = Edit(of: graph, pass: "test")
    let again = try edit.addOne(PointwiseLinear(), linear.inputs, name: "again")
    try edit.replace(linear.outputs[0], with: again)
    try edit.replace(gelu.outputs[0], with: edit.addOne(ElementwiseUnary(.negate), gelu.inputs, name: "negate"))
    #expect(try graph.applying(edit).nodes.map(\.name) == ["negate", "again", "sum"])
  }

  @Test func tappingWhatANodeReplacesIsACycle() throws {
    let graph = try SmallGraphs.residual()
    let linear = graph.nodes[1].outputs[0]
    var edit = Edit(of: graph, pass: "test")
    let negated = try edit.addOne(ElementwiseUnary(.negate), [linear], name: "negate")
    try edit.replace(linear, with: negated)
    // Every use sees the replacement, the new node's own tap too: a cycle, which is found.
    let error = #expect(throws: EVSSMError.self) { try graph.applying(edit) }
    #expect(error?.code == "graph.cycle")
  }

  @Test func refusesOtherTypesAndItself() throws {
    let graph = try SmallGraphs.residual()
    var edit = Edit(of: graph, pass: "test")
    let constant = edit.constant("c", try SmallGraphs.ones([2, 2]))
    let type = #expect(throws: EVSSMError.self) { try edit.replace(graph.outputs[0], with: constant) }
    #expect(type?.code == "edit.type")
    let itself = #expect(throws: EVSSMError.self) { try edit.replace(graph.outputs[0], with: graph.outputs[0]) }
    #expect(itself?.code == "edit.cycle")
  }

  @Test func constantsMayChangePrecision() throws {
    let graph = try SmallGraphs.residual()
    var edit = Edit(of: graph, pass: "test")
    let double = edit.constant("w64", try SmallGraphs.ones([2, 2]).converted(to: .float64))
    try edit.replace(graph.nodes[1].inputs[1], with: double)
    #expect(try graph.applying(edit).dump().contains("w64: float64[2, 2]"))
  }

  @Test func anEmptyEditChangesNothing() throws {
    let graph = try SmallGraphs.residual()
    #expect(try graph.applying(Edit(of: graph, pass: "test")).dump() == graph.dump())
  }
}

@Suite struct OrderTests {
  @Test func sortsAndDropsDeadNodes() throws {
    var graph = try SmallGraphs.residual()
    _ = try graph.addOne(ElementwiseUnary(.exp), [graph.inputs[0]], name: "dead")
    let shuffled = Graph(
      values: graph.values, inputs: graph.inputs, outputs: graph.outputs, nodes: graph.nodes.reversed())
    #expect(try shuffled.ordered().dump() == SmallGraphs.residual().ordered().dump())
  }

  @Test func findsCycles() throws {
    let type = SmallGraphs.map
    let values = [Value(type: type), Value(type: type), Value(type: type)]
    let nodes = [
      Node(name: "a", op: ElementwiseBinary(.add), inputs: [ValueID(0), ValueID(2)], outputs: [ValueID(1)]),
      Node(name: "b", op: ElementwiseUnary(.exp), inputs: [ValueID(1)], outputs: [ValueID(2)]),
    ]
    let graph = Graph(values: values, inputs: [ValueID(0)], outputs: [ValueID(2)], nodes: nodes)
    let error = #expect(throws: EVSSMError.self) { try graph.ordered() }
    #expect(error?.code == "graph.cycle")
  }

  @Test func doesNotRecurse() throws {
    var graph = Graph()
    var x = graph.addInput("x", SmallGraphs.map)
    for i in 0..<100_000 { x = try graph.addOne(ElementwiseUnary(.negate), [x], name: "n\(i)") }
    graph.setOutputs([x])
    #expect(try graph.ordered().nodes.count == 100_000)
  }
}

@Suite struct DumpTests {
  @Test func isStable() throws {
    #expect(
      try SmallGraphs.residual().dump() == """
        input %0 x: float32[1, 2, H, W]
        %1 = unary{function: gelu}(%0) : float32[1, 2, H, W]  # gelu
        %3 = pointwise_linear(%1, %2 weight: float32[2, 2]) : float32[1, 2, H, W]  # linear
        %4 = binary{function: add}(%0, %3) : float32[1, 2, H, W]  # sum
        output %4

        """)
  }

  @Test func showsRegions() throws {
    #expect(
      try SmallGraphs.windowed().dump() == """
        input %0 x: float32[1, 2, H, W]
        %1 = windows{side: 8, frame: upright}(%0) : float32[1, 2, H, W]  # windows
          {
            input %0 part: float32[1, 2, h, w]
            %2 = depthwise_convolution(%0, %1 kernel: float32[2, 3, 3]) : float32[1, 2, h, w]  # convolution
            output %2
          }
        output %1

        """)
  }

  @Test func escapesNames() throws {
    var graph = Graph()
    graph.setOutputs([graph.addInput("a\nb", SmallGraphs.map)])
    #expect(graph.dump().hasPrefix("input %0 a\\u{a}b: float32"))
  }
}
