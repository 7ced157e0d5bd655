import GraphIR
import OnnxFormat
import PrimitiveOperators
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing

/// What must be read, and what it comes to.
@Suite struct ImportTests {
  private func graph(_ bytes: [UInt8]) throws -> Graph { try OnnxModel(bytes).imported().graph }

  private func run(_ bytes: [UInt8], _ inputs: [Tensor]) throws -> [[Float]] {
    try TensorInterpreter(graph(bytes)).run(inputs).map { $0.floats() }
  }

  private func labels(_ graph: Graph) -> [String] { graph.nodes.map(\.op.label) }

  private let x = try? Tensor(shape: [2, 3], floats: [-1, 0, 1, 2, -3, 4])

  @Test("O34 nodes in any order") func unsorted() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.nodes = [
        .node("Neg", ["b"], ["y"]), .node("Abs", ["a"], ["b"]), .node("Relu", ["x"], ["a"]),
      ]
    }
    #expect(try run(bytes, [#require(x)]) == [[0, 0, -1, -2, 0, -4]])
    #expect(try labels(graph(bytes)) == ["Relu", "Abs", "Neg"])
  }

  @Test("O35 a chain of 20,000 nodes") func chain() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.nodes = (0..<20_000).reversed().map {
        .node("Neg", [$0 == 0 ? "x" : "v\($0)"], [$0 == 19_999 ? "y" : "v\($0 + 1)"])
      }
    }
    #expect(try onSmallStack { try OnnxModel(bytes).imported().graph.nodes.count } == 20_000)
  }

  @Test("O36 values shared 2^40 times") func sharing() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.nodes = (0..<40).map {
        .node("Add", [$0 == 0 ? "x" : "v\($0)", $0 == 0 ? "x" : "v\($0)"], [$0 == 39 ? "y" : "v\($0 + 1)"])
      }
    }
    #expect(try graph(bytes).nodes.count == 40)
  }

  @Test("O47 tensors that overlap in their file") func overlap() throws {
    let folder = try TemporaryDirectory()
    let values = (0..<7).flatMap { withUnsafeBytes(of: Float($0)) { Array($0) } }
    _ = try folder.file("w.bin", values)
    let tensors = [0, 4].map {
      TensorBuilder(name: "w\($0)", external: [("location", "w.bin"), ("offset", "\($0)"), ("length", "24")]).build()
    }
    let path = try folder.file(
      "model.onnx",
      OnnxBuilder.changed {
        $0.graph.initializers = tensors
        $0.graph.nodes = [.node("Sub", ["w4", "w0"], ["d"]), .node("Mul", ["x", "d"], ["y"])]
      })
    let imported = try OnnxModel(path: path).imported()
    #expect(try TensorInterpreter(imported.graph).run([#require(x)])[0].floats() == #require(x).floats())
  }

  @Test func functionsAreInlined() throws {
    let leaky = [UInt8].node(
      "LeakyRelu", ["a"], ["t"], [.attribute("alpha", 1) { $0.string(21, "slope") }])
    let bytes = OnnxBuilder.changed {
      $0.opsets.append(("local", 1))
      $0.functions = [
        .function("inner", ["a"], ["b"], [leaky, .node("Neg", ["t"], ["b"])], attributes: ["slope"]),
        .function(
          "outer", ["a"], ["b"],
          [.node("inner", ["a"], ["t"], [.float("slope", 0.5)], domain: "local"), .node("Neg", ["t"], ["b"])]),
      ]
      $0.graph.nodes = [.node("outer", ["x"], ["y"], domain: "local", name: "call")]
    }
    #expect(try run(bytes, [#require(x)]) == [[-0.5, 0, 1, 2, -1.5, 4]])
    #expect(try labels(graph(bytes)) == ["LeakyRelu", "Neg", "Neg"])
    #expect(try graph(bytes).nodes[0].name == "call/inner/LeakyRelu")
  }

  @Test func optionalInputsOfFunctionsMayBeLeftOut() throws {
    let bytes = OnnxBuilder.changed {
      $0.opsets.append(("local", 1))
      $0.functions = [.function("limit", ["a", "low", "high"], ["b"], [.node("Clip", ["a", "low", "high"], ["b"])])]
      $0.graph.initializers = [TensorBuilder(name: "one", dims: [], floats: [1]).build()]
      $0.graph.nodes = [.node("limit", ["x", "", "one"], ["y"], domain: "local")]
    }
    #expect(try run(bytes, [#require(x)]) == [[-1, 0, 1, 1, -3, 1]])
  }

  @Test func sparseTensorsAreWrittenOut() throws {
    let values = TensorBuilder(name: "w", dims: [2], floats: [5, 7]).build()
    let indices = TensorBuilder.ints("", [1, 5]).build()
    let sparse: [UInt8] =
      .field(1, 2, .varint(UInt64(values.count)) + values) + .field(2, 2, .varint(UInt64(indices.count)) + indices)
      + .field(3, 2, [2, 2, 3])
    let bytes = OnnxBuilder.changed {
      $0.graph.sparse = [sparse]
      $0.graph.nodes = [.node("Add", ["x", "w"], ["y"])]
    }
    #expect(try run(bytes, [#require(x)]) == [[-1, 5, 1, 2, -3, 11]])
  }

  @Test func computationsOnShapesAreFollowed() throws {
    // y = Reshape(x, [1, 3, H·W]) with the sizes taken from x itself.
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [1, 3], symbols: ["height", "width"])]
      $0.graph.initializers = [
        TensorBuilder.ints("first", [0]).build(), TensorBuilder.ints("two", [2]).build(),
        TensorBuilder.ints("end", [4]).build(), TensorBuilder.ints("minus", [-1]).build(),
      ]
      $0.graph.nodes = [
        .node("Shape", ["x"], ["s"]), .node("Slice", ["s", "first", "two"], ["front"]),
        .node("Concat", ["front", "minus"], ["target"], [.int("axis", 0)]), .node("Reshape", ["x", "target"], ["y"]),
      ]
      $0.graph.outputs = [.value("y", nil)]
    }
    let graph = try graph(bytes)
    #expect(labels(graph) == ["Reshape"])
    #expect(graph[graph.outputs[0]].type.description == "float32[1, 3, H*W]")
  }

  @Test func branchesKnownBeforehandAreTaken() throws {
    func branch(_ op: String) -> GraphBuilder {
      var branch = GraphBuilder()
      branch.nodes = [.node(op, ["x"], ["b"])]
      branch.outputs = [.value("b", nil)]
      return branch
    }
    let branches: [[UInt8]] = [.graph("then_branch", branch("Neg")), .graph("else_branch", branch("Abs"))]
    let constant = OnnxBuilder.changed {
      $0.graph.initializers = [TensorBuilder(name: "c", dims: [], type: 9, raw: [0]).build()]
      $0.graph.nodes = [.node("If", ["c"], ["y"], branches)]
    }
    #expect(try labels(graph(constant)) == ["Abs"])
    let open = OnnxBuilder.changed {
      $0.graph.inputs.append(.value("c", [], type: 9))
      $0.graph.nodes = [.node("If", ["c"], ["y"], branches)]
    }
    #expect(try labels(graph(open)) == ["If"])
    let yes = try Tensor(dtype: .bool, shape: []) { $0[0] = 1 }
    #expect(try run(open, [#require(x), yes]) == [[1, 0, -1, -2, 3, -4]])
  }

  @Test("a Loop whose carried value grows") func loop() throws {
    var body = GraphBuilder()
    body.inputs = [.value("i", [], type: 7), .value("go", [], type: 9), .value("v", [1])]
    body.nodes = [.node("Concat", ["v", "x"], ["w"], [.int("axis", 0)]), .node("Identity", ["go"], ["on"])]
    body.outputs = [.value("on", [], type: 9), .value("w", nil)]
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [2])]
      $0.graph.initializers = [
        TensorBuilder.ints("n", [3], dims: []).build(), TensorBuilder(name: "start", dims: [1], floats: [9]).build(),
      ]
      $0.graph.nodes = [.node("Loop", ["n", "", "start"], ["y"], [.graph("body", body)])]
      $0.graph.outputs = [.value("y", nil)]
    }
    let tensor = try Tensor(shape: [2], floats: [1, 2])
    #expect(try run(bytes, [tensor]) == [[9, 1, 2, 1, 2, 1, 2]])
  }

  @Test("a Scan over rows, with a captured value") func scan() throws {
    var body = GraphBuilder()
    body.inputs = [.value("s", [3]), .value("row", [3])]
    body.nodes = [
      .node("Add", ["s", "row"], ["t"]), .node("Mul", ["t", "k"], ["out"]), .node("Identity", ["t"], ["next"]),
    ]
    body.outputs = [.value("next", [3]), .value("out", [3])]
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs.append(.value("k", [3]))
      $0.graph.initializers = [TensorBuilder.floats("zero", [3]).build()]
      $0.graph.nodes = [
        .node("Scan", ["zero", "x"], ["last", "y"], [.int("num_scan_inputs", 1), .graph("body", body)])
      ]
    }
    let k = try Tensor(shape: [3], floats: [1, 10, 100])
    #expect(try run(bytes, [#require(x), k]) == [[-1, 0, 100, 1, -30, 500]])
  }

  @Test("O60 another shape than inferred is reported") func contradiction() throws {
    let bytes = OnnxBuilder.changed { $0.graph.values = [.value("z", [7, 7])] + [.value("y", [9, 9])] }
    let imported = try OnnxModel(bytes).imported()
    #expect(imported.notes == ["y has another shape than the file says: float32[2, 3]"])
    #expect(imported.graph[imported.graph.outputs[0]].type.description == "float32[2, 3]")
  }

  @Test func pictureSizesAreNamed() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [1, 3], symbols: ["rows", "a*b"])]
      $0.graph.outputs = [.value("y", nil)]
    }
    #expect(try graph(bytes)[graph(bytes).inputs[0]].type.description == "float32[1, 3, H, W]")
    let other = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [2], symbols: ["a*b", "a*b", "7"])]
      $0.graph.outputs = [.value("y", nil)]
    }
    #expect(try graph(other)[graph(other).inputs[0]].type.description == "float32[2, a_b, a_b, n7]")
  }

  @Test func unsupportedOperatorsAreListedAtOnce() {
    let bytes = OnnxBuilder.changed {
      $0.graph.nodes = [
        .node("Frobnicate", ["x"], ["a"], name: "one"), .node("Relu", ["a"], ["b"]),
        .node("Twist", ["b"], ["c"], domain: "com.example", name: "two"),
        .node("Frobnicate", ["c"], ["y"], name: "three"),
      ]
    }
    let error = #expect(throws: EVSSMError.self) { try OnnxModel(bytes).imported() }
    #expect(error?.message.hasSuffix("Frobnicate (one, three); com.example.Twist (two).") == true)
  }

  @Test(arguments: [
    ("Conv", "com.microsoft.nchwc", "ORT_ENABLE_BASIC"), ("SequenceEmpty", "", "collect the results in a tensor"),
  ])
  func thereIsAWayAround(_ op: String, _ domain: String, _ advice: String) {
    let bytes = OnnxBuilder.changed { $0.graph.nodes = [.node(op, ["x"], ["y"], domain: domain)] }
    let error = #expect(throws: EVSSMError.self) { try OnnxModel(bytes).imported() }
    #expect(error?.code == "onnx.unsupported-operator" && error?.message.contains(advice) == true)
  }

  @Test("O56 a variance below zero, or none", arguments: [-1, Float.nan]) func variance(_ value: Float) throws {
    let vectors = [("scale", 1, 1), ("bias", 0, 0), ("mean", 0, 0), ("variance", value, 1)] as [(String, Float, Float)]
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [1, 2, 2])]
      $0.graph.initializers = vectors.map { TensorBuilder(name: $0.0, dims: [2], floats: [$0.1, $0.2]).build() }
      $0.graph.nodes = [.node("BatchNormalization", ["x"] + vectors.map(\.0), ["y"])]
      $0.graph.outputs = [.value("y", nil)]
    }
    // The root is no number, which is what ONNX Runtime has there: that channel is lost, and no other.
    let y = try run(bytes, [Tensor(shape: [1, 2, 2], floats: [1, 2, 3, 4])])[0]
    #expect(y[0].isNaN && y[1].isNaN && abs(y[2] - 3) < 1e-3 && abs(y[3] - 4) < 1e-3)
  }

  @Test("O59 one symbol for sizes that differ") func contradictorySymbols() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [2], symbols: ["n"]), .value("k", [3], symbols: ["n"])]
      $0.graph.nodes = [.node("Concat", ["x", "k"], ["y"], [.int("axis", 0)])]
      $0.graph.outputs = [.value("y", nil)]
    }
    func tensor(_ rows: Int, _ columns: Int) throws -> Tensor {
      try Tensor(shape: [rows, columns], floats: [Float](repeating: 1, count: rows * columns))
    }
    #expect(try run(bytes, [tensor(2, 4), tensor(3, 4)])[0].count == 20)
    let error = #expect(throws: EVSSMError.self) { try run(bytes, [tensor(2, 4), tensor(3, 5)]) }
    #expect(error?.code == "interpreter.input")
  }

  /// A symbol for what the operators make of it: what they make counts.
  @Test("O59 a symbol for another size") func symbolOfAnotherSize() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.inputs = [.value("x", [2], symbols: ["n"])]
      $0.graph.nodes = [.node("Concat", ["x", "x"], ["y"], [.int("axis", 1)])]
      $0.graph.outputs = [.value("y", [2], symbols: ["n"])]
    }
    let imported = try OnnxModel(bytes).imported()
    #expect(imported.graph[imported.graph.outputs[0]].type.description == "float32[2, 2*n]")
    #expect(try run(bytes, [#require(x)])[0].count == 12)
  }

  @Test func tensorsOfAllTypesAreRead() throws {
    let cases: [(Int, DType, [UInt8])] = [
      (2, .uint8, [1, 2]), (3, .int8, [1, 255]), (4, .uint16, [1, 0, 2, 0]), (5, .int16, [1, 0, 255, 255]),
      (6, .int32, [1, 0, 0, 0, 2, 0, 0, 0]), (10, .float16, [0, 0x3C, 0, 0x40]),
      (16, .bfloat16, [0x80, 0x3F, 0, 0x40]),
      (12, .uint32, [1, 0, 0, 0, 2, 0, 0, 0]), (9, .bool, [1, 0]),
    ]
    for (number, dtype, raw) in cases {
      let bytes = OnnxBuilder.changed {
        $0.graph.initializers = [TensorBuilder(dims: [2], type: number, raw: raw).build()]
        $0.graph.outputs.append(.value("w", [2], type: number))
      }
      let imported = try OnnxModel(bytes).imported()
      let tensor = try #require(imported.graph.constant(imported.graph.outputs[1]))
      #expect(tensor.dtype == dtype)
      #expect(tensor.withUnsafeBytes { Array($0) } == raw)
    }
  }

  @Test func bitPatternsInInt32Data() throws {
    let bytes = OnnxBuilder.changed {
      $0.graph.initializers = [TensorBuilder(dims: [2], type: 10, int32s: [0x3C00, 0xC000]).build()]
      $0.graph.outputs.append(.value("w", [2], type: 10))
    }
    let imported = try OnnxModel(bytes).imported()
    #expect(try #require(imported.graph.constant(imported.graph.outputs[1])).floats() == [1, -2])
  }
}
