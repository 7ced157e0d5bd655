import ExecutionPlan
import PlanRuntime
import PrimitiveOperators
import Tensors
import TestSupport
import Testing

/// Steps of single nodes with kernels against the operators' plain definitions, at sizes that fill several tiles and leave
/// rests; bit-identical for any number of threads.
@Suite struct NodeKernelTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var type: String
    var attributes: [String: AttributeValue] = [:]
    /// Shapes of float32 operands, noise: the first is the run's, the others are constants.
    var shapes: [[Int]]
    /// Constants behind them; nil where one is left out.
    var constants: [[Int64]?] = []
    /// Constants of numbers behind those.
    var reals: [Float]?
    var opset = 22
    var testDescription: String { "\(type) \(attributes) \(shapes) \(constants) \(reals ?? [])" }
  }

  static let map = [2, 6, 37, 53]

  static let sampling: [Case] =
    ["nearest", "linear", "cubic"].flatMap { mode in
      ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"].flatMap { coordinates in
        [[74, 106], [19, 200], [37, 1], [18, 26]].map { size in
          Case(
            type: "Resize",
            attributes: ["mode": .string(mode), "coordinate_transformation_mode": .string(coordinates)],
            shapes: [map], constants: [nil, nil, [2, 6] + size.map { Int64($0) }])
        }
      }
    }
    + [0, 1].map { antialias in
      Case(
        type: "Resize", attributes: ["mode": .string("cubic"), "antialias": .int(antialias), "axes": .ints([2, 3])],
        shapes: [map], constants: [nil, nil, [9, 17]])
    }
    + ["constant", "reflect", "edge", "wrap"].flatMap { mode in
      [[0, 0, 3, 5, 0, 0, 2, 1], [0, 0, 0, 4, 0, 0, 0, -2], [0, 0, -1, 0, 0, 0, 70, 0]].map { pads in
        Case(
          type: "Pad", attributes: ["mode": .string(mode)], shapes: [map], constants: [pads.map { Int64($0) }],
          reals: [7])
      }
    }
    + ["MaxPool", "AveragePool"].flatMap { type in
      [
        ([3, 3], [2, 2], [1, 1, 1, 1], 0), ([2, 4], [2, 3], [0, 1, 0, 2], 1), ([5, 1], [1, 1], [2, 0, 2, 0], 0),
      ].flatMap {
        (kernel: [Int], strides: [Int], pads: [Int], ceil: Int) in
        (0...(type == "AveragePool" ? 1 : 0)).map { counts in
          var attributes: [String: AttributeValue] = [
            "kernel_shape": .ints(kernel), "strides": .ints(strides), "pads": .ints(pads), "ceil_mode": .int(ceil),
          ]
          if type == "AveragePool" { attributes["count_include_pad"] = .int(counts) }
          return Case(type: type, attributes: attributes, shapes: [map])
        }
      }
    }

  static let norms: [Case] = [
    Case(type: "BatchNormalization", shapes: [map, [6], [6], [6], [6]]),
    Case(type: "InstanceNormalization", shapes: [map, [6], [6]]),
    Case(type: "GroupNormalization", attributes: ["num_groups": .int(3)], shapes: [map, [6], [6]]),
    Case(type: "GroupNormalization", attributes: ["num_groups": .int(3)], shapes: [map, [3], [3]], opset: 18),
    Case(type: "PRelu", shapes: [map, [6, 1, 1]]), Case(type: "PRelu", shapes: [map, [1]]),
    Case(type: "PRelu", shapes: [map, [53]]),
    Case(type: "HardSigmoid", shapes: [map]), Case(type: "Softplus", shapes: [map]),
    Case(type: "HardSwish", shapes: [map]),
    Case(type: "ReduceL2", attributes: ["axes": .ints([-1])], shapes: [map], opset: 13),
    Case(type: "ReduceSumSquare", attributes: ["axes": .ints([2, 3]), "keepdims": .int(0)], shapes: [map], opset: 13),
    Case(type: "ReduceL2", attributes: ["axes": .ints([1])], shapes: [map], opset: 13),
    Case(type: "Elu", shapes: [map]), Case(type: "Floor", shapes: [map]),
  ]

  static let transposed: [Case] = [
    (1, 4, 2, 1, 1, 0), (1, 3, 2, 1, 1, 1), (2, 3, 1, 1, 1, 0), (3, 2, 3, 0, 2, 0), (1, 2, 2, 0, 1, 0),
    (1, 5, 1, 2, 1, 0),
  ].flatMap { (groups: Int, kernel: Int, stride: Int, pad: Int, dilation: Int, output: Int) in
    [9, 30].map { outputs in
      Case(
        type: "ConvTranspose",
        attributes: [
          "group": .int(groups), "strides": .ints([stride, stride]), "pads": .ints([pad, pad, pad, pad]),
          "dilations": .ints([dilation, dilation]), "output_padding": .ints([output, output]),
        ],
        shapes: [map, [6, outputs, kernel, kernel], [outputs * groups]])
    }
  }

  static let transforms: [Case] = [(1, 1), (1, 0), (0, 0), (0, 1)].flatMap { (oneSided: Int, inverse: Int) in
    [8, 5, 64].flatMap { size in
      [1, 2].map { axis in
        Case(
          type: "DFT", attributes: ["onesided": .int(oneSided), "inverse": .int(inverse)],
          shapes: [[5, axis == 1 ? size : 7, axis == 1 ? 7 : size, oneSided == 1 && inverse == 0 ? 1 : 2]],
          constants: [nil, [Int64(axis)]])
      }
    }
  }

  @Test(arguments: sampling + norms + transposed + transforms) func agreesWithItsDefinition(_ testCase: Case) throws {
    var generator = SeededGenerator(seed: 11)
    var operands: [GraphPlan.Operand?] = []
    for (i, shape) in testCase.shapes.enumerated() {
      let values = (0..<shape.reduce(1, *)).map { _ in
        Float(generator.next() >> 40) * 0x1p-23 - (i == 4 ? -0.5 : 1)
      }
      let tensor = try Tensor(shape: shape, floats: values)
      operands.append(i == 0 ? .input(tensor) : .constant(tensor))
    }
    for constant in testCase.constants {
      operands.append(
        try constant.map { values in
          let isScalar = testCase.type == "DFT"
          return .constant(
            try Tensor(dtype: .int64, shape: isScalar ? [] : [values.count]) { out in
              for (i, value) in values.enumerated() { out.storeBytes(of: value, toByteOffset: 8 * i, as: Int64.self) }
            })
        })
    }
    if let reals = testCase.reals { operands.append(.constant(try Tensor(shape: [], floats: reals))) }
    let (plan, inputs) = try GraphPlan.node(testCase.type, opset: testCase.opset, testCase.attributes, operands)
    let plain = try TensorSession(plan: plan, workers: Workers(threads: 1), usesKernels: false).run(inputs)[0]
    let one = try TensorSession(plan: plan, workers: Workers(threads: 1)).run(inputs)[0]
    let three = try TensorSession(plan: plan, workers: Workers(threads: 3)).run(inputs)[0]
    #expect(one.shape == plain.shape)
    #expect(one.floats().map(\.bitPattern) == three.floats().map(\.bitPattern), "the number of threads shows")
    let scale = plain.floats().reduce(Float(1)) { max($0, $1.magnitude) }
    let difference = zip(one.floats(), plain.floats()).reduce(Float(0)) { max($0, ($1.0 - $1.1).magnitude) }
    #expect(difference <= 4e-6 * scale)
  }
}
