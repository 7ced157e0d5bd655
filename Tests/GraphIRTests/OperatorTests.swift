import GraphIR
import Tensors
import Testing

/// The type rule of every primitive operator: what it gives, and what it refuses.
@Suite struct OperatorTests {
  struct Case: Sendable, CustomStringConvertible {
    var op: any Operator
    var inputs: [ValueType]
    /// Nil where the operator must refuse.
    var outputs: [ValueType]?
    var description: String { "\(type(of: op).name)\(inputs)" }

    init(_ op: any Operator, _ inputs: [ValueType], _ outputs: [ValueType]?) {
      self.op = op
      self.inputs = inputs
      self.outputs = outputs
    }
  }

  static func map(_ channels: Dimension, _ height: Dimension = 8, _ width: Dimension = 16) -> ValueType {
    .map(.float32, channels, height, width)
  }
  static func weight(_ shape: Dimension...) -> ValueType { ValueType(.float32, shape) }
  static let whole = ValueType(.int32, [1, 4, 8, 16])

  static let cases: [Case] = [
    Case(ElementwiseUnary(.gelu), [map(4)], [map(4)]),
    Case(ElementwiseUnary(.gelu), [whole], nil),
    Case(ElementwiseBinary(.add), [map(4), map(4)], [map(4)]),
    Case(ElementwiseBinary(.add), [map(4), map(5)], nil),
    Case(ChangeFrame(Frame(transposed: true)), [map(4)], [map(4, 16, 8)]),
    Case(ChangeFrame(Frame(halfTurned: true)), [map(4)], [map(4)]),
    Case(ChangeFrame(Frame(halfTurned: true)), [weight(4)], nil),
    Case(RMSNorm(epsilon: 1e-6), [map(4)], [map(4)]),
    Case(RMSNorm(epsilon: 1e-6), [map(4), weight(4), weight(4)], [map(4)]),
    Case(RMSNorm(epsilon: 1e-6), [map(4), weight(4)], nil),
    Case(RMSNorm(epsilon: 1e-6), [map(4), weight(5), weight(4)], nil),
    Case(LayerNorm(epsilon: 1e-5), [map(4), weight(4), weight(4)], [map(4)]),
    Case(LayerNorm(epsilon: 1e-5), [map(4), weight(4), weight(3)], nil),
    Case(PointwiseLinear(), [map(4), weight(6, 4)], [map(6)]),
    Case(PointwiseLinear(), [map(4), weight(6, 4), weight(6)], [map(6)]),
    Case(PointwiseLinear(), [map(4), weight(4, 6)], nil),
    Case(PointwiseLinear(), [map(4), weight(6, 4), weight(4)], nil),
    Case(Convolution(), [map(4), weight(6, 4, 3, 3)], [map(6)]),
    Case(Convolution(), [map(4), weight(6, 4, 1, 1)], [map(6)]),
    Case(Convolution(), [map(4), weight(6, 4, 2, 2)], nil),
    Case(Convolution(), [map(4), weight(6, 4, 3, 1)], nil),
    Case(DepthwiseConvolution(), [map(4), weight(4, 3, 3)], [map(4)]),
    Case(DepthwiseConvolution(), [map(4), weight(4, 5, 5)], nil),
    Case(ScanConvolution(), [map(4), weight(4, 7), weight(4)], [map(4)]),
    Case(ScanConvolution(), [map(4), weight(4, 6), weight(4)], nil),
    Case(SelectiveScan(), [map(4), map(4), weight(4, 8), map(8), map(8), weight(4)], [map(4)]),
    Case(SelectiveScan(), [map(4), map(4), weight(4, 8), map(8), map(7), weight(4)], nil),
    Case(Split([1, 3]), [map(4)], [map(1), map(3)]),
    Case(Split([1, 2]), [map(4)], nil),
    Case(Split([0, 4]), [map(4)], nil),
    Case(BilinearResample(.half), [map(4)], [map(4, 4, 8)]),
    Case(BilinearResample(.half), [map(4, 7, 8)], nil),
    Case(BilinearResample(.double), [map(4)], [map(4, 16, 32)]),
    Case(ReflectPad(multiple: 8), [map(4, 9, 16)], [map(4, 16, 16)]),
    Case(ReflectPad(multiple: 0), [map(4)], nil),
    Case(Crop(height: 3, width: 4), [map(4)], [map(4, 3, 4)]),
    Case(SpectralFilter(), [map(4), weight(4, 8, 5)], [map(4)]),
    Case(SpectralFilter(), [map(4), weight(4, 8, 8)], [map(4)]),
    Case(SpectralFilter(), [map(4), weight(4, 8, 6)], nil),
    Case(SpectralFilter(), [map(4, 9, 16), weight(4, 8, 8)], nil),
    Case(FusedPictureConvolution(), [map(3, 9, 16), weight(4, 3, 3, 3)], [map(4, 12, 16)]),
    Case(FusedOutputConvolution(), [map(4, 12, 16), map(3, 9, 16), weight(3, 4, 3, 3)], [map(3, 9, 16)]),
    Case(FusedOutputConvolution(), [map(4, 8, 16), map(3, 9, 16), weight(3, 4, 3, 3)], nil),
    Case(FusedHalveConvolution(), [map(4), weight(8, 4, 3, 3)], [map(8, 4, 8)]),
    Case(FusedDoubleConvolution(), [map(4), map(2, 16, 32), weight(2, 4, 3, 3)], [map(2, 16, 32)]),
    Case(FusedDoubleConvolution(), [map(4), map(2), weight(2, 4, 3, 3)], nil),
  ]

  @Test(arguments: cases) func inference(_ testCase: Case) throws {
    guard let expected = testCase.outputs else {
      let error = #expect(throws: EVSSMError.self) { try testCase.op.inferTypes(testCase.inputs) }
      #expect(error?.code == "graph.type" || error?.code == "size.divisor")
      return
    }
    #expect(try testCase.op.inferTypes(testCase.inputs) == expected)
  }

  @Test func noInputsAreRefused() {
    for testCase in Self.cases { #expect(throws: EVSSMError.self) { try testCase.op.inferTypes([]) } }
  }
}
