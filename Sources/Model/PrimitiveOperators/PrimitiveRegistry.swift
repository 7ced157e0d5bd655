import Tensors

/// Every operator by ONNX name and the version of the operator set that defined it: one line each.
package enum PrimitiveRegistry {
  /// An operator and how it is made from a call.
  struct Entry: Sendable {
    var type: String
    /// The versions of the operator set that changed the definition, ascending.
    var versions: [Int]
    /// Reads the attributes; throws `graph.attribute` for those that the definition does not allow.
    var make: @Sendable (AttributeReader) throws -> any PrimitiveOperator

    init(
      _ type: String, _ versions: [Int], _ make: @escaping @Sendable (AttributeReader) throws -> any PrimitiveOperator
    ) {
      self.type = type
      self.versions = versions
      self.make = make
    }
  }

  /// The newest version of the standard operator set that is known.
  package static let newestOpset = 28
  /// The oldest version that models may import. Operators whose meaning has changed since are listed from that change on.
  package static let oldestOpset = 1

  /// The names of all operators, sorted.
  package static var types: [String] { table.keys.sorted() }

  /// Whether there is a definition of the operator in force in this version of its domain.
  package static func supports(domain: String, type: String, opset: Int) -> Bool {
    entry(domain, type, opset) != nil
  }

  /// The operator that a call names. Throws `graph.operator` when there is none, `graph.attribute` for its attributes.
  package static func `operator`(for call: PrimitiveCall) throws -> any PrimitiveOperator {
    if call == EmbeddedNetwork.call { return EmbeddedNetwork() }
    guard let (entry, version) = entry(call.domain, call.type, call.opset) else {
      throw EVSSMError(
        "graph.operator", "Operator \(EVSSMError.escaped(call.type)) of version \(call.opset) is not supported.")
    }
    guard (1...Limits.maxPrimitiveOutputs).contains(call.outputs.count) else {
      throw EVSSMError("graph.outputs", "Operator \(call.type) has \(call.outputs.count) outputs.")
    }
    let attributes = AttributeReader(call, version: version)
    let result = try entry.make(attributes)
    try attributes.finish()
    return result
  }

  /// The attributes that the definition of a call's operator reads: all of them if the call is valid.
  static func attributeNames(of call: PrimitiveCall) -> [String] {
    guard let (entry, version) = entry(call.domain, call.type, call.opset) else { return [] }
    let attributes = AttributeReader(call, version: version)
    _ = try? entry.make(attributes)
    return attributes.names
  }

  private static func entry(_ domain: String, _ type: String, _ opset: Int) -> (Entry, version: Int)? {
    guard domain.isEmpty || domain == "ai.onnx", let entry = table[type],
      let version = entry.versions.last(where: { $0 <= opset })
    else { return nil }
    return (entry, version)
  }

  private static let table = Dictionary(uniqueKeysWithValues: entries.map { ($0.type, $0) })

  private static let entries: [Entry] =
    elementwise + shapes + selections + reductions + products + windows + normalisations + quantisation + resampling
    + spectral
    + sequences + control + random

  private static let elementwise: [Entry] = [
    Entry("Abs", [1, 6, 13], ElementwiseUnary.init),
    Entry("Acos", [7, 22], ElementwiseUnary.init),
    Entry("Acosh", [9, 22], ElementwiseUnary.init),
    Entry("Asin", [7, 22], ElementwiseUnary.init),
    Entry("Asinh", [9, 22], ElementwiseUnary.init),
    Entry("Atan", [7, 22], ElementwiseUnary.init),
    Entry("Atanh", [9, 22], ElementwiseUnary.init),
    Entry("BitwiseNot", [18], ElementwiseUnary.init),
    Entry("Ceil", [1, 6, 13], ElementwiseUnary.init),
    Entry("Celu", [12, 28], ElementwiseUnary.init),
    Entry("Cos", [7, 22], ElementwiseUnary.init),
    Entry("Cosh", [9, 22], ElementwiseUnary.init),
    Entry("Elu", [1, 6, 22], ElementwiseUnary.init),
    Entry("Erf", [9, 13], ElementwiseUnary.init),
    Entry("Exp", [1, 6, 13], ElementwiseUnary.init),
    Entry("Floor", [1, 6, 13], ElementwiseUnary.init),
    Entry("Gelu", [20], ElementwiseUnary.init),
    Entry("HardSigmoid", [1, 6, 22], ElementwiseUnary.init),
    Entry("HardSwish", [14, 22], ElementwiseUnary.init),
    Entry("IsInf", [10, 20], ElementwiseUnary.init),
    Entry("IsNaN", [9, 13, 20], ElementwiseUnary.init),
    Entry("LeakyRelu", [1, 6, 16], ElementwiseUnary.init),
    Entry("Log", [1, 6, 13], ElementwiseUnary.init),
    Entry("Mish", [18, 22], ElementwiseUnary.init),
    Entry("Neg", [1, 6, 13], ElementwiseUnary.init),
    Entry("Not", [1], ElementwiseUnary.init),
    Entry("Reciprocal", [1, 6, 13], ElementwiseUnary.init),
    Entry("Relu", [1, 6, 13, 14], ElementwiseUnary.init),
    Entry("Round", [11, 22], ElementwiseUnary.init),
    Entry("Selu", [1, 6, 22], ElementwiseUnary.init),
    Entry("Shrink", [9], ElementwiseUnary.init),
    Entry("Sigmoid", [1, 6, 13], ElementwiseUnary.init),
    Entry("Sign", [9, 13], ElementwiseUnary.init),
    Entry("Sin", [7, 22], ElementwiseUnary.init),
    Entry("Sinh", [9, 22], ElementwiseUnary.init),
    Entry("Softplus", [1, 22], ElementwiseUnary.init),
    Entry("Softsign", [1, 22], ElementwiseUnary.init),
    Entry("Sqrt", [1, 6, 13], ElementwiseUnary.init),
    Entry("Swish", [24], ElementwiseUnary.init),
    Entry("Tan", [7, 22], ElementwiseUnary.init),
    Entry("Tanh", [1, 6, 13], ElementwiseUnary.init),
    Entry("ThresholdedRelu", [10, 22], ElementwiseUnary.init),

    Entry("Add", [1, 6, 7, 13, 14], Arithmetic.init),
    Entry("BitShift", [11, 28], Arithmetic.init),
    Entry("BitwiseAnd", [18], Arithmetic.init),
    Entry("BitwiseOr", [18], Arithmetic.init),
    Entry("BitwiseXor", [18], Arithmetic.init),
    Entry("Div", [1, 6, 7, 13, 14], Arithmetic.init),
    Entry("Mod", [10, 13, 28], Arithmetic.init),
    Entry("Mul", [1, 6, 7, 13, 14], Arithmetic.init),
    Entry("PRelu", [1, 6, 7, 9, 16], Arithmetic.init),
    Entry("Pow", [1, 7, 12, 13, 15], Arithmetic.init),
    Entry("Sub", [1, 6, 7, 13, 14], Arithmetic.init),
    Entry("SwiGLU", [28], Arithmetic.init),

    Entry("And", [1, 7], Comparison.init),
    Entry("Equal", [1, 7, 11, 13, 19], Comparison.init),
    Entry("Greater", [1, 7, 9, 13], Comparison.init),
    Entry("GreaterOrEqual", [12, 16], Comparison.init),
    Entry("Less", [1, 7, 9, 13], Comparison.init),
    Entry("LessOrEqual", [12, 16], Comparison.init),
    Entry("Or", [1, 7], Comparison.init),
    Entry("Xor", [1, 7], Comparison.init),

    Entry("Max", [1, 6, 8, 12, 13], Variadic.init),
    Entry("Mean", [1, 6, 8, 13], Variadic.init),
    Entry("Min", [1, 6, 8, 12, 13], Variadic.init),
    Entry("Sum", [1, 6, 8, 13], Variadic.init),

    Entry("Clip", [1, 6, 11, 12, 13], Clip.init),
    Entry("Where", [9, 16], Where.init),
  ]

  private static let shapes: [Entry] = [
    Entry("BitCast", [26], BitCast.init),
    Entry("Cast", [6, 9, 13, 19, 21, 23, 24, 25, 28], Cast.init),
    Entry("CastLike", [15, 19, 21, 23, 24, 25], Cast.init),
    Entry("CenterCropPad", [18], CenterCropPad.init),
    Entry("Concat", [1, 4, 11, 13], Concat.init),
    Entry("Constant", [1, 9, 11, 12, 13, 19, 21, 23, 24, 25], Constant.init),
    Entry("ConstantOfShape", [9, 20, 21, 23, 24, 25], ConstantOfShape.init),
    Entry("DepthToSpace", [1, 11, 13, 28], DepthToSpace.init),
    Entry("Dropout", [1, 6, 7, 10, 12, 13, 22], Identity.init),
    Entry("Expand", [8, 13], Expand.init),
    Entry("EyeLike", [9, 22], EyeLike.init),
    Entry("Flatten", [1, 9, 11, 13, 21, 23, 24, 25], Flatten.init),
    Entry("Identity", [1, 13, 14, 16, 19, 21, 23, 24, 25], Identity.init),
    Entry("Pad", [2, 11, 13, 18, 19, 21, 23, 24, 25], Pad.init),
    Entry("Range", [11, 27], Range.init),
    Entry("Reshape", [5, 13, 14, 19, 21, 23, 24, 25], Reshape.init),
    Entry("Shape", [1, 13, 15, 19, 21, 23, 24, 25], ShapeOf.init),
    Entry("Size", [1, 13, 19, 21, 23, 24, 25], ShapeOf.init),
    Entry("Slice", [10, 11, 13], Slice.init),
    Entry("SpaceToDepth", [1, 13, 28], SpaceToDepth.init),
    Entry("Split", [2, 11, 13, 18], Split.init),
    Entry("Squeeze", [1, 11, 13, 21, 23, 24, 25], UnitAxes.init),
    Entry("Tile", [6, 13], Tile.init),
    Entry("Transpose", [1, 13, 21, 23, 24, 25], Transpose.init),
    Entry("Trilu", [14], Trilu.init),
    Entry("Unsqueeze", [1, 11, 13, 21, 23, 24, 25], UnitAxes.init),
  ]

  private static let selections: [Entry] = [
    Entry("Compress", [9, 11, 28], Compress.init),
    Entry("Gather", [1, 11, 13], Gather.init),
    Entry("GatherElements", [11, 13], GatherElements.init),
    Entry("GatherND", [11, 12, 13], GatherND.init),
    Entry("NonZero", [9, 13], NonZero.init),
    Entry("OneHot", [9, 11, 28], OneHot.init),
    Entry("ReverseSequence", [10, 28], ReverseSequence.init),
    Entry("Scatter", [9, 11], ScatterElements.init),
    Entry("ScatterElements", [11, 13, 16, 18], ScatterElements.init),
    Entry("ScatterND", [11, 13, 16, 18], ScatterND.init),
    Entry("TensorScatter", [24], TensorScatter.init),
    Entry("TopK", [10, 11, 24], TopK.init),
    Entry("Unique", [11, 28], Unique.init),
  ]

  private static let reductions: [Entry] = [
    Entry("ArgMax", [1, 11, 12, 13], ArgExtreme.init),
    Entry("ArgMin", [1, 11, 12, 13], ArgExtreme.init),
    Entry("CumProd", [26], Cumulative.init),
    Entry("CumSum", [11, 14], Cumulative.init),
    Entry("Hardmax", [13], Softmax.init),
    Entry("LogSoftmax", [13], Softmax.init),
    Entry("ReduceL1", [1, 11, 13, 18], Reduction.init),
    Entry("ReduceL2", [1, 11, 13, 18], Reduction.init),
    Entry("ReduceLogSum", [1, 11, 13, 18, 28], Reduction.init),
    Entry("ReduceLogSumExp", [1, 11, 13, 18, 28], Reduction.init),
    Entry("ReduceMax", [1, 11, 12, 13, 18, 20], Reduction.init),
    Entry("ReduceMean", [1, 11, 13, 18], Reduction.init),
    Entry("ReduceMin", [1, 11, 12, 13, 18, 20], Reduction.init),
    Entry("ReduceProd", [1, 11, 13, 18], Reduction.init),
    Entry("ReduceSum", [1, 11, 13], Reduction.init),
    Entry("ReduceSumSquare", [1, 11, 13, 18], Reduction.init),
    Entry("Softmax", [13], Softmax.init),
  ]

  private static let products: [Entry] = [
    Entry("Det", [11, 22], Determinant.init),
    Entry("Einsum", [12, 28], Einsum.init),
    Entry("Gemm", [7, 9, 11, 13], Gemm.init),
    Entry("MatMul", [1, 9, 13], MatMul.init),
  ]

  private static let windows: [Entry] = [
    Entry("AveragePool", [1, 7, 10, 11, 19, 22], Pooling.init),
    Entry("Col2Im", [18], ColumnsToImage.init),
    Entry("Conv", [1, 11, 22], Convolution.init),
    Entry("ConvTranspose", [1, 11, 22], TransposedConvolution.init),
    Entry("DeformConv", [19, 22], DeformableConvolution.init),
    Entry("GlobalAveragePool", [1, 22], GlobalPooling.init),
    Entry("GlobalLpPool", [2, 22], GlobalPooling.init),
    Entry("GlobalMaxPool", [1, 22], GlobalPooling.init),
    Entry("LpPool", [2, 11, 18, 22], Pooling.init),
    Entry("MaxPool", [1, 8, 10, 11, 12, 22], Pooling.init),
    Entry("MaxUnpool", [9, 11, 22], MaxUnpool.init),
  ]

  private static let normalisations: [Entry] = [
    Entry("BatchNormalization", [9, 14, 15], BatchNormalization.init),
    Entry("GroupNormalization", [18, 21], GroupNormalization.init),
    Entry("InstanceNormalization", [6, 22], GroupNormalization.init),
    Entry("LRN", [1, 13], LocalResponseNormalization.init),
    Entry("LayerNormalization", [17], LayerNormalization.init),
    Entry("LpNormalization", [1, 22], LpNormalization.init),
    Entry("MeanVarianceNormalization", [9, 13], MeanVarianceNormalization.init),
    Entry("RMSNormalization", [23], LayerNormalization.init),
  ]

  private static let quantisation: [Entry] = [
    Entry("ConvInteger", [10], IntegerConvolution.init),
    Entry("DequantizeLinear", [10, 13, 19, 21, 23, 24, 25, 28], DequantizeLinear.init),
    Entry("DynamicQuantizeLinear", [11], DynamicQuantizeLinear.init),
    Entry("MatMulInteger", [10], IntegerMatMul.init),
    Entry("QLinearConv", [10], QuantizedConvolution.init),
    Entry("QLinearMatMul", [10, 21], QuantizedMatMul.init),
    Entry("QuantizeLinear", [10, 13, 19, 21, 23, 24, 25, 28], QuantizeLinear.init),
  ]

  private static let resampling: [Entry] = [
    Entry("AffineGrid", [20], AffineGrid.init),
    Entry("GridSample", [16, 20, 22], GridSample.init),
    Entry("NonMaxSuppression", [10, 11], NonMaxSuppression.init),
    Entry("Resize", [11, 13, 18, 19], Resize.init),
    Entry("RoiAlign", [10, 16, 22], RegionAlign.init),
    Entry("Upsample", [7, 9], Resize.init),
  ]

  private static let spectral: [Entry] = [
    Entry("BlackmanWindow", [17], WindowFunction.init),
    Entry("DFT", [17, 20], FourierOperator.init),
    Entry("HammingWindow", [17], WindowFunction.init),
    Entry("HannWindow", [17], WindowFunction.init),
    Entry("MelWeightMatrix", [17], MelWeightMatrix.init),
    Entry("STFT", [17], ShortTimeFourier.init),
  ]

  private static let sequences: [Entry] = [
    Entry("Attention", [23, 24, 25], Attention.init),
    Entry("CausalConvWithState", [27], CausalConvolution.init),
    Entry("GRU", [7, 14, 22], Recurrence.init),
    Entry("LSTM", [7, 14, 22], Recurrence.init),
    Entry("LinearAttention", [27], LinearAttention.init),
    Entry("NegativeLogLikelihoodLoss", [12, 13, 22], LikelihoodLoss.init),
    Entry("RNN", [7, 14, 22], Recurrence.init),
    Entry("RotaryEmbedding", [23], RotaryEmbedding.init),
    Entry("SoftmaxCrossEntropyLoss", [12, 13], LikelihoodLoss.init),
  ]

  private static let control: [Entry] = [
    Entry("If", [1, 11, 13, 16, 19, 21, 23, 24, 25], If.init),
    Entry("Loop", [1, 11, 13, 16, 19, 21, 23, 24, 25], Loop.init),
    Entry("Scan", [9, 11, 16, 19, 21, 23, 24, 25], Scan.init),
  ]

  private static let random: [Entry] = [
    Entry("Bernoulli", [15, 22], RandomNumbers.init),
    Entry("RandomNormal", [1, 22], RandomNumbers.init),
    Entry("RandomNormalLike", [1, 22], RandomNumbers.init),
    Entry("RandomUniform", [1, 22], RandomNumbers.init),
    Entry("RandomUniformLike", [1, 22], RandomNumbers.init),
  ]
}

extension Limits {
  /// Outputs of one primitive.
  package static let maxPrimitiveOutputs = 65_536
}
