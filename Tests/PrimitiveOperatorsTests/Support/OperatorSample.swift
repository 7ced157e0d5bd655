@testable import PrimitiveOperators
import Tensors

/// A small valid application of an operator: what hostile ones are made from.
struct OperatorSample {
  var call: PrimitiveCall
  /// At the operator's input positions; nil where an input is left out.
  var operands: [Tensor?]

  init(
    _ type: String, opset: Int = PrimitiveRegistry.newestOpset, _ attributes: [String: AttributeValue],
    _ operands: [Tensor?], outputs: Int = 1
  ) {
    call = PrimitiveCall(
      type, opset: opset, attributes: attributes, inputs: operands.map { $0 != nil },
      outputs: Array(repeating: true, count: outputs))
    self.operands = operands
  }

  init(_ type: String, _ operands: [Tensor?], outputs: Int = 1) { self.init(type, [:], operands, outputs: outputs) }
}

extension OperatorSample {
  /// At least one sample of every operator of the registry.
  static func all() throws -> [OperatorSample] {
    try elementwise() + shapes() + selections() + reductions() + products() + windows() + normalisations()
      + quantisation()
      + resampling() + spectral() + sequences() + controls()
  }

  private static func elementwise() throws -> [OperatorSample] {
    let x = try floats([2, 3], [-2, -0.5, 0, 0.5, 1, 3])
    let numbers = try ints([2, 3], [-2, -1, 0, 1, 2, 7]).cast(to: .int32)
    let bytes = try ints([2, 3], [1, 2, 3, 4, 5, 6]).cast(to: .uint8)
    let truths = try ints([2, 3], [0, 1, 1, 0, 1, 0]).cast(to: .bool)
    let unary = ElementwiseUnary.Function.allCases.map { function in
      OperatorSample(function.rawValue, [function == .bitwiseNot ? numbers : function == .not ? truths : x])
    }
    let binary = Arithmetic.Function.allCases.map { function in
      switch function {
      case .bitShift: OperatorSample("BitShift", ["direction": .string("LEFT")], [bytes, bytes])
      case .bitwiseAnd, .bitwiseOr, .bitwiseXor: OperatorSample(function.rawValue, [numbers, numbers])
      case .mod: OperatorSample("Mod", ["fmod": .int(1)], [x, x])
      default: OperatorSample(function.rawValue, [x, x])
      }
    }
    let divisors = try bytes.cast(to: .int32)
    let integers =
      ["Add", "Sub", "Mul", "Div", "Mod"].map { OperatorSample($0, [numbers, divisors]) }
      + [OperatorSample("Pow", [numbers, bytes])]
    let relations = Comparison.Relation.allCases.map { relation in
      let operand = [.and, .or, .xor].contains(relation) ? truths : x
      return OperatorSample(relation.rawValue, [operand, operand])
    }
    let variadic = ["Max", "Mean", "Min", "Sum"].map { OperatorSample($0, [x, x, x]) }
    let wholes = ["Max", "Mean", "Min", "Sum"].map { OperatorSample($0, [numbers, numbers]) }
    let scalar = try floats([], [1])
    return unary + binary + integers + relations + variadic + wholes
      + [OperatorSample("Clip", [x, scalar, scalar]), OperatorSample("Where", [truths, x, x])]
  }

  private static func shapes() throws -> [OperatorSample] {
    let map = try ramp(1, 4, 4, 4)
    let x = try ramp(2, 3)
    let value = AttributeTensor(try ints(7))
    return [
      OperatorSample("BitCast", ["to": .int(6)], [x]), OperatorSample("Cast", ["to": .int(7)], [x]),
      OperatorSample("CastLike", [x, try ints(1)]),
      OperatorSample("CenterCropPad", ["axes": .ints([1])], [x, try ints(5)]),
      OperatorSample("Concat", ["axis": .int(0)], [x, x]), OperatorSample("Constant", ["value": .tensor(value)], []),
      OperatorSample("Constant", ["value_ints": .ints([1, 2])], []),
      OperatorSample("ConstantOfShape", ["value": .tensor(value)], [try ints(2, 3)]),
      OperatorSample("DepthToSpace", ["blocksize": .int(2)], [map]),
      OperatorSample("Dropout", [x, try floats([], [0.5]), try ints([], [0]).cast(to: .bool)], outputs: 2),
      OperatorSample("Expand", [x, try ints(2, 1, 1)]), OperatorSample("EyeLike", ["k": .int(1)], [x]),
      OperatorSample("Flatten", ["axis": .int(1)], [map]), OperatorSample("Identity", [x]),
      OperatorSample("Pad", ["mode": .string("reflect")], [x, try ints(1, 1, 1, 1)]),
      OperatorSample("Pad", [x, try ints(1, 2), try floats([], [3]), try ints(-1)]),
      OperatorSample("Range", [try ints([], [1]), try ints([], [9]), try ints([], [2])]),
      OperatorSample("Range", [try floats([], [1]), try floats([], [9]), try floats([], [2])]),
      OperatorSample("Reshape", ["allowzero": .int(0)], [x, try ints(3, -1)]),
      OperatorSample("Shape", ["start": .int(0), "end": .int(2)], [map]), OperatorSample("Size", [map]),
      OperatorSample("Slice", [map, try ints(0, 3), try ints(3, 0), try ints(1, 2), try ints(2, -1)]),
      OperatorSample("SpaceToDepth", ["blocksize": .int(2)], [map]),
      OperatorSample("Split", ["axis": .int(1)], [map, try ints(1, 3)], outputs: 2),
      OperatorSample("Split", ["num_outputs": .int(2)], [x], outputs: 2),
      OperatorSample("Squeeze", [map, try ints(0)]), OperatorSample("Tile", [x, try ints(2, 2)]),
      OperatorSample("Transpose", ["perm": .ints([1, 0])], [x]), OperatorSample("Trilu", [x, try ints([], [0])]),
      OperatorSample("Unsqueeze", [x, try ints(0, 3)]),
    ]
  }

  private static func selections() throws -> [OperatorSample] {
    let x = try ramp(2, 3)
    let places = try ints([2, 3], [0, 1, 0, 1, 0, 1])
    return [
      OperatorSample("Compress", ["axis": .int(1)], [x, try ints(1, 0, 1).cast(to: .bool)]),
      OperatorSample("Gather", ["axis": .int(1)], [x, try ints(0, -1)]),
      OperatorSample("GatherElements", ["axis": .int(0)], [x, places]),
      OperatorSample("GatherND", ["batch_dims": .int(1)], [x, try ints([2, 1], [0, 2])]),
      OperatorSample("NonZero", [x]),
      OperatorSample("OneHot", ["axis": .int(-1)], [try ints(0, 2), try ints([], [3]), try floats([2], [0, 1])]),
      OperatorSample("ReverseSequence", [x, try ints(1, 2, 0)]),
      OperatorSample("Scatter", opset: 10, ["axis": .int(0)], [x, places, x]),
      OperatorSample("ScatterElements", ["axis": .int(0), "reduction": .string("add")], [x, places, x]),
      OperatorSample("ScatterND", ["reduction": .string("none")], [x, try ints([1, 1], [1]), try ramp(1, 3)]),
      OperatorSample("TensorScatter", ["axis": .int(1)], [x, try ramp(2, 2), try ints(0, 1)]),
      OperatorSample("TopK", ["axis": .int(1)], [x, try ints(2)], outputs: 2),
      OperatorSample("Unique", ["axis": .int(0)], [x], outputs: 4), OperatorSample("Unique", [x]),
    ]
  }

  private static func reductions() throws -> [OperatorSample] {
    let x = try ramp(2, 3, 4)
    let wholes = try x.cast(to: .int32)
    let reductions = Reduction.Function.allCases.flatMap { function in
      [
        OperatorSample(function.rawValue, opset: 11, ["axes": .ints([1])], [x]),
        OperatorSample(function.rawValue, ["keepdims": .int(0)], [wholes, try? ints(-1)]),
      ]
    }
    return reductions
      + ["ArgMax", "ArgMin", "Softmax", "LogSoftmax", "Hardmax"].map { OperatorSample($0, ["axis": .int(1)], [x]) }
      + ["CumSum", "CumProd"].map { OperatorSample($0, [x, try? ints([], [1])]) }
  }

  private static func products() throws -> [OperatorSample] {
    let x = try ramp(2, 3)
    return [
      OperatorSample("Det", [try ramp(2, 2, 2)]),
      OperatorSample("Einsum", ["equation": .string("ij,jk->ik")], [x, try ramp(3, 2)]),
      OperatorSample("Einsum", ["equation": .string("...i,i...")], [x, try ramp(3, 2)]),
      OperatorSample("Gemm", ["transB": .int(1)], [x, x, try ramp(2)]),
      OperatorSample("MatMul", [try ramp(2, 2, 3), try ramp(3, 2)]),
    ]
  }

  private static let window: [String: AttributeValue] = [
    "kernel_shape": .ints([2, 2]), "strides": .ints([1, 2]), "dilations": .ints([1, 1]), "pads": .ints([0, 1, 1, 0]),
    "auto_pad": .string("NOTSET"),
  ]

  private static func windows() throws -> [OperatorSample] {
    let map = try ramp(1, 2, 4, 4)
    let grouped = window.merging(["group": .int(2)]) { $1 }
    let weight = try ramp(2, 1, 2, 2)
    let bias = try ramp(2)
    let indices = try ints([1, 2, 1, 1], [3, 7])
    return [
      OperatorSample(
        "AveragePool", window.merging(["ceil_mode": .int(1), "count_include_pad": .int(1)]) { $1 }, [map]),
      OperatorSample("MaxPool", window, [map], outputs: 2), OperatorSample("LpPool", window, [map]),
      OperatorSample("Col2Im", ["pads": .ints([0, 0, 0, 0])], [try ramp(1, 4, 9), try ints(4, 4), try ints(2, 2)]),
      OperatorSample("Conv", grouped, [map, weight, bias]), OperatorSample("Conv", [map, try ramp(3, 2, 1, 1)]),
      OperatorSample("ConvTranspose", grouped.merging(["output_padding": .ints([0, 0])]) { $1 }, [map, weight, bias]),
      OperatorSample("ConvTranspose", ["output_shape": .ints([4, 4])], [map, weight]),
      OperatorSample(
        "DeformConv", ["kernel_shape": .ints([2, 2]), "group": .int(1), "offset_group": .int(1)],
        [map, try ramp(1, 2, 2, 2), try ramp(1, 8, 3, 3), try ramp(1), try ramp(1, 4, 3, 3)]),
      OperatorSample("GlobalAveragePool", [map]), OperatorSample("GlobalLpPool", ["p": .int(2)], [map]),
      OperatorSample("GlobalMaxPool", [map]),
      OperatorSample(
        "MaxUnpool", ["kernel_shape": .ints([2, 2])], [try ramp(1, 2, 1, 1), indices, try ints(1, 2, 4, 4)]),
    ]
  }

  private static func normalisations() throws -> [OperatorSample] {
    let map = try ramp(1, 2, 4, 4)
    let pair = try floats([2], [1, 2])
    return [
      OperatorSample(
        "BatchNormalization", ["epsilon": .float(1e-5), "training_mode": .int(1)], [map, pair, pair, pair, pair],
        outputs: 3),
      OperatorSample("BatchNormalization", [map, pair, pair, pair, pair]),
      OperatorSample("GroupNormalization", ["num_groups": .int(1)], [map, pair, pair]),
      OperatorSample("GroupNormalization", opset: 18, ["num_groups": .int(2)], [map, pair, pair]),
      OperatorSample("InstanceNormalization", [map, pair, pair]), OperatorSample("LRN", ["size": .int(3)], [map]),
      OperatorSample("LayerNormalization", ["axis": .int(-1)], [map, try ramp(4), try ramp(4)], outputs: 3),
      OperatorSample("RMSNormalization", ["axis": .int(2)], [map, try ramp(4)]),
      OperatorSample("LpNormalization", ["p": .int(2), "axis": .int(1)], [map]),
      OperatorSample("MeanVarianceNormalization", ["axes": .ints([0, 2])], [map]),
    ]
  }

  private static func quantisation() throws -> [OperatorSample] {
    let x = try ramp(2, 3)
    let bytes = try x.cast(to: .uint8)
    let columns = try ramp(3, 2).cast(to: .uint8)
    let (scale, zero) = (try floats([], [0.5]), try ints([], [1]).cast(to: .uint8))
    let (scales, zeros) = (try floats([3], [0.5, 1, 2]), try ints(0, 1, 2).cast(to: .uint8))
    let map = try ramp(1, 2, 4, 4).cast(to: .uint8)
    let weight = try ramp(2, 2, 2, 2).cast(to: .uint8)
    return [
      OperatorSample("ConvInteger", [map, weight, zero, zero]),
      OperatorSample("DequantizeLinear", ["axis": .int(1)], [bytes, scales, zeros]),
      OperatorSample(
        "DequantizeLinear", ["axis": .int(0), "block_size": .int(2)],
        [bytes, try floats([1, 3], [1, 2, 3]), try ints([1, 3], [0, 0, 0]).cast(to: .uint8)]),
      OperatorSample("DynamicQuantizeLinear", [x], outputs: 3),
      OperatorSample("MatMulInteger", [bytes, columns, zero, zero]),
      OperatorSample(
        "QLinearConv", [map, scale, zero, weight, scale, zero, scale, zero, try ints(1, 2).cast(to: .int32)]),
      OperatorSample("QLinearMatMul", [bytes, scale, zero, columns, scale, zero, scale, zero]),
      OperatorSample("QuantizeLinear", ["axis": .int(1)], [x, scales, zeros]),
      OperatorSample("QuantizeLinear", ["output_dtype": .int(3)], [x, scale]),
    ]
  }

  private static func resampling() throws -> [OperatorSample] {
    let map = try ramp(1, 2, 4, 4)
    return [
      OperatorSample("AffineGrid", [try ramp(1, 2, 3), try ints(1, 2, 4, 4)]),
      OperatorSample("GridSample", ["mode": .string("cubic")], [map, try floats([1, 1, 2, 2], [-1, 0.5, 2, 0])]),
      OperatorSample(
        "GridSample", ["padding_mode": .string("reflection")], [map, try floats([1, 1, 2, 2], [-1, 0.5, 2, 0])]),
      OperatorSample(
        "NonMaxSuppression",
        [try ramp(1, 2, 4), try ramp(1, 1, 2), try ints([], [2]), try floats([], [0.5]), try floats([], [0])]),
      OperatorSample("Resize", ["mode": .string("cubic")], [map, nil, try floats([4], [1, 1, 2, 0.5])]),
      OperatorSample(
        "Resize", ["mode": .string("linear"), "antialias": .int(1), "axes": .ints([2, 3])],
        [map, nil, nil, try ints(2, 9)]),
      OperatorSample(
        "Resize", ["coordinate_transformation_mode": .string("tf_crop_and_resize")],
        [map, try floats([8], [0, 0, 0, 0, 1, 1, 1, 1]), nil, try ints(1, 2, 3, 3)]),
      OperatorSample(
        "Resize", ["keep_aspect_ratio_policy": .string("not_larger"), "axes": .ints([2, 3])],
        [map, nil, nil, try ints(7, 9)]),
      OperatorSample(
        "RoiAlign", ["output_height": .int(2), "sampling_ratio": .int(2)],
        [map, try floats([1, 4], [0, 0, 3, 3]), try ints(0)]),
      OperatorSample("Upsample", opset: 9, ["mode": .string("linear")], [map, try floats([4], [1, 1, 2, 2])]),
    ]
  }

  private static func spectral() throws -> [OperatorSample] {
    let size = try ints([], [6])
    return [
      OperatorSample("BlackmanWindow", [size]), OperatorSample("HammingWindow", [size]),
      OperatorSample("HannWindow", ["periodic": .int(0)], [size]),
      OperatorSample("DFT", [try ramp(1, 6, 2), try ints([], [5]), try ints([], [1])]),
      OperatorSample("DFT", ["onesided": .int(1), "inverse": .int(1)], [try ramp(1, 5, 2), nil, try ints([], [1])]),
      OperatorSample("DFT", opset: 17, ["axis": .int(1), "onesided": .int(1)], [try ramp(1, 4, 1)]),
      OperatorSample(
        "MelWeightMatrix", [try ints([], [3]), size, try ints([], [8000]), try floats([], [0]), try floats([], [4000])]),
      OperatorSample("STFT", [try ramp(1, 8, 1), try ints([], [2]), try ramp(4), try ints([], [4])]),
    ]
  }

  private static func sequences() throws -> [OperatorSample] {
    let x = try ramp(3, 2, 4)
    func recurrent(_ type: String, _ gates: Int, _ more: [Tensor?], outputs: Int) throws -> OperatorSample {
      OperatorSample(
        type, ["hidden_size": .int(2), "clip": .float(3)],
        [
          x, try ramp(1, gates * 2, 4), try ramp(1, gates * 2, 2), try ramp(1, gates * 4),
          try ints(3, 2).cast(to: .int32), try ramp(1, 2, 2),
        ] + more,
        outputs: outputs)
    }
    let labels = try ints(0, 2)
    let scores = try ramp(2, 3)
    return [
      OperatorSample(
        "Attention", ["q_num_heads": .int(2), "kv_num_heads": .int(1)],
        [try ramp(1, 3, 4), try ramp(1, 3, 2), try ramp(1, 3, 2), try ramp(3, 3)]),
      OperatorSample(
        "Attention", ["is_causal": .int(1)],
        [
          try ramp(1, 2, 3, 2), try ramp(1, 2, 3, 2), try ramp(1, 2, 3, 2), nil, try ramp(1, 2, 1, 2),
          try ramp(1, 2, 1, 2),
        ], outputs: 4),
      OperatorSample(
        "CausalConvWithState", ["activation": .string("silu")],
        [try ramp(1, 2, 5), try ramp(2, 1, 3), try ramp(2), try ramp(1, 2, 2)], outputs: 2),
      try recurrent("GRU", 3, [], outputs: 2), try recurrent("RNN", 1, [], outputs: 2),
      try recurrent("LSTM", 4, [try ramp(1, 2, 2), try ramp(1, 6)], outputs: 3),
      OperatorSample(
        "LinearAttention", ["q_num_heads": .int(2), "kv_num_heads": .int(1)],
        [
          try ramp(1, 3, 4), try ramp(1, 3, 2), try ramp(1, 3, 2), try ramp(1, 1, 2, 2), try ramp(1, 3, 1),
          try ramp(1, 3, 1),
        ], outputs: 2),
      OperatorSample(
        "RotaryEmbedding", ["num_heads": .int(2)],
        [try ramp(1, 3, 4), try ramp(3, 1), try ramp(3, 1), try ints([1, 3], [0, 1, 2])]),
      OperatorSample("NegativeLogLikelihoodLoss", ["ignore_index": .int(1)], [scores, labels, try ramp(3)]),
      OperatorSample(
        "SoftmaxCrossEntropyLoss", ["reduction": .string("none")], [scores, labels, try ramp(3)], outputs: 2),
    ]
  }

  private static func controls() throws -> [OperatorSample] {
    let x = try ramp(2, 3)
    let truth = try ints([], [1]).cast(to: .bool)
    return [
      OperatorSample("If", [truth]), OperatorSample("Loop", [try ints([], [3]), truth, x]),
      OperatorSample("Scan", ["num_scan_inputs": .int(1), "scan_input_axes": .ints([1])], [x, x], outputs: 2),
      OperatorSample("Bernoulli", ["dtype": .int(1)], [x]),
      OperatorSample("RandomNormal", ["shape": .ints([2, 3])], []),
      OperatorSample("RandomNormalLike", ["dtype": .int(1)], [x]),
      OperatorSample("RandomUniform", ["shape": .ints([2, 3])], []),
      OperatorSample("RandomUniformLike", ["low": .float(1), "high": .float(2)], [x]),
    ]
  }
}
