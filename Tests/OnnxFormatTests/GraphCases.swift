/// Entries of group O about the model and its graph: O18 to O41, O46, O49 to O61.
enum GraphCases {
  /// y = Add(x, w) with an initializer made like this.
  private static func weight(
    _ id: String, _ code: String, limit: String? = nil, _ change: @escaping @Sendable (inout TensorBuilder) -> Void
  ) -> OnnxCase {
    OnnxCase(id, code, limit: limit) {
      var tensor = TensorBuilder()
      change(&tensor)
      return OnnxBuilder.node("Add", [tensor], shape: [2, 3])
    }
  }

  private static let bytes24 = [UInt8](repeating: 0, count: 24)

  static let tensors: [OnnxCase] = [
    weight("O18 raw short by 1", "onnx.tensor") { $0.raw = Array(bytes24.dropLast()) },
    weight("O18 raw long by 1", "onnx.tensor") { $0.raw = bytes24 + [0] },
    weight("O19 raw and floats", "onnx.tensor") {
      $0.raw = bytes24
      $0.floats = Array(repeating: 0, count: 6)
    },
    weight("O20 no data", "onnx.tensor") { _ in },
    weight("O21 five floats for six", "onnx.tensor") { $0.floats = Array(repeating: 0, count: 5) },
    weight("O21 data of another type", "onnx.tensor") { $0.int64s = Array(repeating: 1, count: 6) },
    weight("O21 an int8 of 300", "onnx.tensor") {
      $0.type = 3
      $0.int32s = [1, 2, 3, 4, 5, 300]
    },
    weight("O22 negative size", "onnx.tensor") {
      $0.dims = [-2, 3]
      $0.raw = bytes24
    },
    weight("O23 product of sizes wraps", "size.overflow") {
      $0.dims = [1 << 32, 1 << 32]
      $0.raw = []
    },
    weight("O23 product wraps to 24", "size.overflow") {
      $0.dims = [1 << 40, 1 << 22, 6]
      $0.raw = bytes24
    },
    weight("O24 2^40 elements without data", "onnx.tensor") {
      $0.dims = [1 << 40]
      $0.raw = []
    },
    weight("O24 a size of 2^41", "limit.exceeded", limit: "max_dimension") {
      $0.dims = [1 << 41]
      $0.raw = []
    },
    weight("O25 type 0", "onnx.tensor") {
      $0.type = 0
      $0.raw = bytes24
    },
    weight("O25 type 99", "onnx.element-type") { $0.type = 99 },
    weight("O25 strings", "onnx.element-type") { $0.type = 8 },
    weight("O25 complex", "onnx.element-type") { $0.type = 14 },
    weight("O25 float6", "onnx.element-type") { $0.type = 27 },
    weight("O26 five int4 in two bytes", "onnx.tensor") {
      $0.type = 22
      $0.dims = [5]
      $0.raw = [0, 0]
    },
    weight("O27 segment", "onnx.tensor") {
      $0.hasSegment = true
      $0.raw = bytes24
    },
    weight("O24 17 axes", "limit.exceeded", limit: "max_onnx_rank") {
      $0.dims = Array(repeating: 1, count: 17)
      $0.raw = [0, 0, 0, 0]
    },
  ]

  static let names: [OnnxCase] = [
    .init("O28 duplicate initializer", "onnx.duplicate-name") {
      OnnxBuilder.changed { $0.graph.initializers = Array(repeating: TensorBuilder.floats("w", [2]).build(), count: 2) }
    },
    .init("O29 an output made twice", "onnx.duplicate-name") {
      OnnxBuilder.changed { $0.graph.nodes.append(.node("Relu", ["x"], ["y"])) }
    },
    .init("O29 an input made again", "onnx.duplicate-name") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Relu", ["x"], ["x"])] }
    },
    .init("O30 initializer, input and output of one name", "onnx.duplicate-name") {
      OnnxBuilder.changed {
        $0.graph.initializers = [TensorBuilder.floats("x", [2, 3]).build()]
        $0.graph.nodes = [.node("Relu", ["x"], ["x"])]
        $0.graph.outputs = [.value("x", [2, 3])]
      }
    },
    .init("O31 missing input", "graph.type") { OnnxBuilder.changed { $0.graph.nodes = [.node("Relu", [], ["y"])] } },
    .init("O32 nobody makes the input", "onnx.missing-value") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Relu", ["z"], ["y"])] }
    },
    .init("O32 nobody makes the output", "onnx.missing-value") {
      OnnxBuilder.changed { $0.graph.outputs = [.value("z", [2])] }
    },
    .init("O33 self loop", "onnx.cycle") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Add", ["x", "y"], ["y"])] }
    },
    .init("O33 two nodes", "onnx.cycle") {
      OnnxBuilder.changed {
        $0.graph.nodes = [.node("Add", ["x", "z"], ["y"]), .node("Relu", ["y"], ["z"])]
      }
    },
    .init("O33 a loop of 1,000", "onnx.cycle") {
      OnnxBuilder.changed {
        $0.graph.nodes =
          (0..<1000).map { .node("Relu", ["v\($0)"], ["v\(($0 + 1) % 1000)"]) }
          + [.node("Relu", ["v0"], ["y"])]
      }
    },
    .init("O37 unknown operator", "onnx.unsupported-operator") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Frobnicate", ["x"], ["y"])] }
    },
    .init("O37 unknown domain", "onnx.unsupported-operator") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Relu", ["x"], ["y"], domain: "com.example")] }
    },
    .init("O38 no operator set", "onnx.opset") { OnnxBuilder.changed { $0.opsets = [] } },
    .init("O38 version 0", "onnx.opset") { OnnxBuilder.changed { $0.opsets = [("", 0)] } },
    .init("O38 version -1", "onnx.opset") { OnnxBuilder.changed { $0.opsets = [("", -1)] } },
    .init("O38 version 9999", "onnx.opset") { OnnxBuilder.changed { $0.opsets = [("", 9999)] } },
    .init("O38 a domain twice", "onnx.opset") { OnnxBuilder.changed { $0.opsets = [("", 18), ("", 18)] } },
    .init("O38 a domain twice under two names", "onnx.opset") {
      OnnxBuilder.changed { $0.opsets = [("", 18), ("ai.onnx", 17)] }
    },
    .init("O39 no format version", "onnx.format-version") { OnnxBuilder.changed { $0.format = 0 } },
    .init("O39 format version 2^62", "onnx.format-version") { OnnxBuilder.changed { $0.format = 1 << 62 } },
    .init("O39 format version -1", "onnx.format-version") { OnnxBuilder.changed { $0.format = -1 } },
    .init("O41 If without branches", "onnx.attribute") {
      OnnxBuilder.changed {
        $0.graph.inputs.append(.value("c", [], type: 9))
        $0.graph.nodes = [.node("If", ["c"], ["y"])]
      }
    },
    .init("O41 Scan without a body", "onnx.attribute") {
      OnnxBuilder.changed { $0.graph.nodes = [.node("Scan", ["x"], ["y"], [.int("num_scan_inputs", 1)])] }
    },
    .init("O59 an input that does not say its shape", "onnx.type") {
      OnnxBuilder.changed { $0.graph.inputs = [.value("x", nil)] }
    },
    .init("O59 a negative size of an input", "onnx.type") {
      OnnxBuilder.changed { $0.graph.inputs = [.value("x", [2, -3])] }
    },
    .init("O60 another element type than inferred", "onnx.type") {
      OnnxBuilder.changed { $0.graph.outputs = [.value("y", [2, 3], type: 7)] }
    },
  ]

  private static func calls(_ name: String, _ functions: [[UInt8]]) -> [UInt8] {
    OnnxBuilder.changed {
      $0.opsets.append(("local", 1))
      $0.functions = functions
      $0.graph.nodes = [.node(name, ["x"], ["y"], domain: "local")]
    }
  }

  /// A function whose body calls another one twice.
  private static func twice(_ name: String, _ inner: String) -> [UInt8] {
    .function(
      name, ["a"], ["b"],
      [.node(inner, ["a"], ["t"], domain: "local"), .node(inner, ["t"], ["b"], domain: "local")])
  }

  static let functions: [OnnxCase] = [
    .init("O40 a function that calls itself", "onnx.recursion") {
      calls("f", [.function("f", ["a"], ["b"], [.node("f", ["a"], ["b"], domain: "local")])])
    },
    .init("O40 two that call each other", "onnx.recursion") {
      calls(
        "f",
        [
          .function("f", ["a"], ["b"], [.node("g", ["a"], ["b"], domain: "local")]),
          .function("g", ["a"], ["b"], [.node("f", ["a"], ["b"], domain: "local")]),
        ])
    },
    .init("O40 doubling", "limit.exceeded", limit: "max_onnx_nodes") {
      calls(
        "f0",
        (0..<20).map { twice("f\($0)", "f\($0 + 1)") }
          + [.function("f20", ["a"], ["b"], [.node("Relu", ["a"], ["b"])])])
    },
    .init("O40 a chain of functions", "limit.exceeded", limit: "max_onnx_function_depth") {
      calls(
        "f0",
        (0..<10_000).map { .function("f\($0)", ["a"], ["b"], [.node("f\($0 + 1)", ["a"], ["b"], domain: "local")]) }
          + [.function("f10000", ["a"], ["b"], [.node("Relu", ["a"], ["b"])])])
    },
    .init("O40 two functions of one name", "onnx.duplicate-name") {
      calls("f", Array(repeating: .function("f", ["a"], ["b"], [.node("Relu", ["a"], ["b"])]), count: 2))
    },
    .init("O40 a call with too many inputs", "onnx.inputs") {
      OnnxBuilder.changed {
        $0.opsets.append(("local", 1))
        $0.functions = [.function("f", ["a"], ["b"], [.node("Relu", ["a"], ["b"])])]
        $0.graph.nodes = [.node("f", ["x", "x"], ["y"], domain: "local")]
      }
    },
    .init("O40 an attribute that the function does not have", "onnx.attribute") {
      OnnxBuilder.changed {
        $0.opsets.append(("local", 1))
        $0.functions = [.function("f", ["a"], ["b"], [.node("Relu", ["a"], ["b"])])]
        $0.graph.nodes = [.node("f", ["x"], ["y"], [.int("k", 1)], domain: "local")]
      }
    },
  ]

  private static func conv(
    _ id: String, weight: [Int] = [4, 4, 3, 3], bias: Int? = nil, code: String = "graph.type", _ attributes: [[UInt8]]
  ) -> OnnxCase {
    OnnxCase(id, code) {
      OnnxBuilder.node(
        "Conv", [.floats("w", weight)] + (bias.map { [.floats("b", [$0])] } ?? []), attributes: attributes)
    }
  }

  static let convolutions: [OnnxCase] = [
    conv("O49 group 0", code: "graph.attribute", [.int("group", 0)]),
    conv("O49 group -1", code: "graph.attribute", [.int("group", -1)]),
    conv("O49 stride 0", code: "graph.attribute", [.ints("strides", [0, 1])]),
    conv("O49 dilation 0", code: "graph.attribute", [.ints("dilations", [1, 0])]),
    conv("O49 negative padding", code: "graph.attribute", [.ints("pads", [-1, 0, 0, 0])]),
    conv("O49 a kernel of 0", code: "graph.attribute", [.ints("kernel_shape", [0, 3])]),
    conv("O49 another kernel than the weights'", code: "graph.value", [.ints("kernel_shape", [5, 5])]),
    conv("O49 weights of one axis", weight: [36], []),
    conv("O49 bias too short", bias: 3, []),
    conv("O49 groups that do not divide", weight: [4, 2, 3, 3], [.int("group", 3)]),
    conv("O49 a kernel larger than the map", weight: [4, 4, 99, 99], code: "graph.value", []),
  ]

  private static func resize(_ id: String, _ scale: Float, code: String = "graph.value", limit: String? = nil)
    -> OnnxCase
  {
    OnnxCase(id, code, limit: limit) {
      OnnxBuilder.changed {
        $0.graph.inputs = [.value("x", [1, 4, 8, 8])]
        $0.graph.initializers = [TensorBuilder.floats("s", [4], scale).build()]
        $0.graph.nodes = [.node("Resize", ["x", "", "s"], ["y"])]
        $0.graph.outputs = [.value("y", nil)]
      }
    }
  }

  private static func upsample(_ id: String, _ scale: Float, code: String = "graph.value", limit: String? = nil)
    -> OnnxCase
  {
    OnnxCase(id, code, limit: limit) { OnnxBuilder.node("Upsample", [.floats("s", [4], scale)], opset: 9) }
  }

  /// z = op(…) of constants alone beside y = Relu(x).
  private static func bomb(
    _ id: String, code: String = "limit.exceeded", limit: String? = "max_materialised_bytes",
    _ initializers: [TensorBuilder],
    _ nodes: [[UInt8]]
  ) -> OnnxCase {
    OnnxCase(id, code, limit: limit) {
      OnnxBuilder.changed {
        $0.graph.initializers = initializers.map { $0.build() }
        $0.graph.nodes += nodes
        $0.graph.outputs.append(.value("z", nil))
      }
    }
  }

  static let bombs: [OnnxCase] = [
    bomb("O53 ConstantOfShape of 2^30", [.ints("s", [1 << 30])], [.node("ConstantOfShape", ["s"], ["z"])]),
    bomb(
      "O53 ConstantOfShape of 2^41", code: "graph.type", limit: nil, [.ints("s", [1 << 41])],
      [.node("ConstantOfShape", ["s"], ["z"])]),
    bomb(
      "O53 ConstantOfShape whose size wraps", code: "size.overflow", limit: nil, [.ints("s", [1 << 40, 1 << 40])],
      [.node("ConstantOfShape", ["s"], ["z"])]),
    bomb(
      "O53 ConstantOfShape of a negative size", code: "graph.type", limit: nil, [.ints("s", [-1])],
      [.node("ConstantOfShape", ["s"], ["z"])]),
    bomb("O53 Tile", [.floats("w", [2]), .ints("r", [1 << 30])], [.node("Tile", ["w", "r"], ["z"])]),
    bomb(
      "O53 Tile whose size wraps", code: "size.overflow", limit: nil,
      [.floats("w", [2, 2]), .ints("r", [1 << 39, 1 << 39])], [.node("Tile", ["w", "r"], ["z"])]),
    bomb(
      "O53 Tile by a negative count", code: "graph.type", limit: nil, [.floats("w", [2]), .ints("r", [-1])],
      [.node("Tile", ["w", "r"], ["z"])]),
    bomb("O53 Expand", [.floats("w", [1]), .ints("s", [1 << 20, 1 << 12])], [.node("Expand", ["w", "s"], ["z"])]),
    bomb(
      "O53 a chain that doubles", [.floats("w0", [1 << 16])],
      (0..<20).map { .node("Concat", ["w\($0)", "w\($0)"], [$0 == 19 ? "z" : "w\($0 + 1)"], [.int("axis", 0)]) }),
    bomb(
      "O53 many that are large together", [.ints("s", [1 << 27])],
      (0..<4).map { .node("ConstantOfShape", ["s"], ["c\($0)"]) } + [.node("Sum", (0..<4).map { "c\($0)" }, ["z"])]),
    bomb(
      "O53 Range", [.ints("a", [0], dims: []), .ints("b", [1 << 39], dims: []), .ints("c", [1], dims: [])],
      [.node("Range", ["a", "b", "c"], ["z"])]),
    bomb(
      "O53 EyeLike of an expanded map", [.floats("w", [1, 1]), .ints("s", [1 << 15, 1 << 15])],
      [.node("Expand", ["w", "s"], ["e"]), .node("EyeLike", ["e"], ["z"])]),
    bomb("O53 random numbers", [], [.node("RandomNormal", [], ["z"], [.ints("shape", [1 << 20, 1 << 12])])]),
    bomb("O53 a window function", [.ints("n", [1 << 38], dims: [])], [.node("HannWindow", ["n"], ["z"])]),
    bomb(
      "O53 OneHot", [.ints("i", [0]), .ints("d", [1 << 38], dims: []), .floats("v", [2])],
      [.node("OneHot", ["i", "d", "v"], ["z"])]),
    upsample("O52 Upsample by 0", 0), upsample("O52 Upsample by NaN", .nan), upsample("O52 Upsample by -1", -1),
    upsample("O52 Upsample without end", .infinity),
    upsample("O52 Upsample by 1e30", 1e30, code: "limit.exceeded", limit: "max_dimension"),
    quantised("O61 QuantizeLinear by 0", "QuantizeLinear", 0),
    quantised("O61 QuantizeLinear by NaN", "QuantizeLinear", .nan),
    quantised("O61 QuantizeLinear by infinity", "QuantizeLinear", .infinity),
    .init("O61 DequantizeLinear by 0", "graph.value") { dequantised(0) },
    .init("O61 DequantizeLinear by NaN", "graph.value") { dequantised(.nan) },
  ]

  private static func quantised(_ id: String, _ type: String, _ scale: Float) -> OnnxCase {
    OnnxCase(id, "graph.value") { OnnxBuilder.node(type, [.floats("s", [], scale)]) }
  }

  private static func dequantised(_ scale: Float) -> [UInt8] {
    OnnxBuilder.changed {
      $0.graph.initializers = [TensorBuilder.floats("s", [], scale).build()]
      $0.graph.inputs = [.value("x", [2, 3], type: 2)]
      $0.graph.nodes = [.node("DequantizeLinear", ["x", "s"], ["y"])]
    }
  }

  static let operators: [OnnxCase] = [
    .init("O50 two sizes left open", "graph.type") { OnnxBuilder.node("Reshape", [.ints("s", [-1, -1])]) },
    .init("O50 another product", "graph.type") { OnnxBuilder.node("Reshape", [.ints("s", [7, 7])]) },
    .init("O50 a size of -2", "graph.type") { OnnxBuilder.node("Reshape", [.ints("s", [-2, 4])]) },
    .init("O50 a size left open beside 0", "graph.type") {
      OnnxBuilder.node("Reshape", [.ints("s", [0, -1])], attributes: [.int("allowzero", 1)])
    },
    .init("O51 Gather out of range", "graph.value") {
      OnnxBuilder.changed {
        $0.graph.initializers = [
          TensorBuilder.floats("w", [4]).build(), TensorBuilder.ints("i", [9]).build(),
        ]
        $0.graph.nodes = [.node("Gather", ["w", "i"], ["g"]), .node("Add", ["x", "g"], ["y"])]
      }
    },
    .init("O51 Slice with step 0", "graph.type") {
      OnnxBuilder.node("Slice", [.ints("s", [0]), .ints("e", [1]), .ints("a", [0]), .ints("t", [0])])
    },
    .init("O51 Slice along an axis that is not there", "graph.type") {
      OnnxBuilder.node("Slice", [.ints("s", [0]), .ints("e", [1]), .ints("a", [Int.min])])
    },
    resize("O52 Resize by 0", 0), resize("O52 Resize by NaN", .nan), resize("O52 Resize by -1", -1),
    resize("O52 Resize by 1e30", 1e30, code: "limit.exceeded", limit: "max_dimension"),
    .init("O52 Pad beyond all measure", "graph.type") {
      OnnxBuilder.node("Pad", [.ints("p", [0, 0, 0, 0, 0, 0, 1 << 60, 0])])
    },
    .init("O54 an axis twice", "graph.attribute") {
      OnnxBuilder.node("Transpose", attributes: [.ints("perm", [0, 1, 1, 3])])
    },
    .init("O54 an axis out of range", "graph.attribute") {
      OnnxBuilder.node("Transpose", attributes: [.ints("perm", [0, 1, 2, 9])])
    },
    .init("O55 sizes that are not the axis'", "graph.type") {
      OnnxBuilder.node("Split", [.ints("s", [1, 1])], outputs: 2, attributes: [.int("axis", 1)])
    },
    .init("O57 a number said to be a list", "onnx.attribute") {
      OnnxBuilder.node("Softmax", attributes: [.attribute("axis", 7) { $0.integer(3, 1) }])
    },
    .init("O57 a list beside a number", "onnx.attribute") {
      OnnxBuilder.node(
        "Softmax",
        attributes: [
          .attribute("axis", 2) {
            $0.integer(3, 1)
            $0.packed(7, [1, 2] as [Float])
          }
        ])
    },
    .init("O57 a type that is not there", "onnx.attribute") {
      OnnxBuilder.node("Softmax", attributes: [.attribute("axis", 0) { $0.integer(3, 1) }])
    },
    .init("O57 a text for a number", "graph.attribute") {
      OnnxBuilder.node("Softmax", attributes: [.text("axis", "1")])
    },
    .init("O58 an attribute twice", "onnx.attribute") {
      OnnxBuilder.node("Softmax", attributes: [.int("axis", 1), .int("axis", 1)])
    },
    .init("O58 an attribute that the operator does not have", "graph.attribute") {
      OnnxBuilder.node("Relu", attributes: [.int("alpha", 1)])
    },
    .init("O58 a missing attribute", "graph.attribute") { OnnxBuilder.node("Cast", []) },
    .init("O58 a reference outside functions", "onnx.attribute") {
      OnnxBuilder.node("Softmax", attributes: [.attribute("axis", 2) { $0.string(21, "axis") }])
    },
  ]
}
