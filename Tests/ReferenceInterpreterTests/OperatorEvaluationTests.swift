import Foundation
import GraphIR
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing

/// One operator on arrays, in a graph of its own.
func evaluate<Scalar: ReferenceScalar>(
  _ op: any Operator, _ inputs: [ReferenceArray<Scalar>]
) throws -> [ReferenceArray<Scalar>] {
  var graph = Graph()
  let ids = inputs.enumerated().map {
    graph.addInput("\($0)", ValueType(Scalar.dtype, $1.shape.map { Dimension($0) }))
  }
  graph.setOutputs(try graph.add(op, ids, name: "node"))
  return try Interpreter<Scalar>(graph).run(inputs)
}

func array(_ shape: [Int], seed: UInt64) throws -> ReferenceArray<Double> {
  var generator = SeededGenerator(seed: seed)
  return try ReferenceArray(shape: shape, elements: (0..<shape.reduce(1, *)).map { _ in generator.normal() })
}

func array(_ shape: [Int], _ elements: [Double]) throws -> ReferenceArray<Double> {
  try ReferenceArray(shape: shape, elements: elements)
}

func expectClose(_ a: [Double], _ b: [Double], within tolerance: Double = 1e-12) {
  #expect(a.count == b.count)
  let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
  #expect(difference <= tolerance)
}

/// Every primitive operator against its definition, written a second time.
@Suite struct OperatorEvaluationTests {
  @Test func elementwise() throws {
    let x = try array([1, 1, 1, 3], [-1, 0, 2])
    expectClose(
      try evaluate(ElementwiseUnary(.gelu), [x])[0].elements, [-0.15865525393145707, 0, 1.9544997361036416])
    expectClose(
      try evaluate(ElementwiseUnary(.softplus), [x])[0].elements, [log(1 + exp(-1)), log(2), log(1 + exp(2))])
    expectClose(try evaluate(ElementwiseUnary(.exp), [x])[0].elements, [exp(-1), 1, exp(2)])
    #expect(try evaluate(ElementwiseUnary(.negate), [x])[0].elements == [1, 0, -2])
    #expect(try evaluate(ElementwiseBinary(.add), [x, x])[0].elements == [-2, 0, 4])
    #expect(try evaluate(ElementwiseBinary(.multiply), [x, x])[0].elements == [1, 0, 4])
  }

  @Test func softplusOfLargeArguments() throws {
    let x = try ReferenceArray<Float>(shape: [1, 1, 1, 2], elements: [200, -200])
    let y = try evaluate(ElementwiseUnary(.softplus), [x])[0].elements
    #expect(y[0] == 200)
    #expect(y[1] >= 0 && y[1] < 1e-30)
  }

  @Test func changesOfFrame() throws {
    let x = try array([1, 1, 2, 3], [1, 2, 3, 4, 5, 6])
    let turned = try evaluate(ChangeFrame(Frame(transposed: true, halfTurned: true)), [x])[0]
    #expect(turned.shape == [1, 1, 3, 2])
    #expect(turned.elements == [6, 3, 5, 2, 4, 1])
  }

  @Test func norms() throws {
    let x = try array([1, 2, 1, 1], [3, 4])
    let scale = 1 / (12.5 + 1e-6).squareRoot()
    expectClose(try evaluate(RMSNorm(epsilon: 1e-6), [x])[0].elements, [3 * scale, 4 * scale])
    let (weight, bias) = (try array([2], [2, 3]), try array([2], [10, 20]))
    expectClose(
      try evaluate(RMSNorm(epsilon: 1e-6), [x, weight, bias])[0].elements, [6 * scale + 10, 12 * scale + 20])
    let deviation = (0.25 + 1e-5).squareRoot()
    expectClose(
      try evaluate(LayerNorm(epsilon: 1e-5), [x, weight, bias])[0].elements,
      [-1 / deviation + 10, 1.5 / deviation + 20])
  }

  @Test func pointwiseLinear() throws {
    let x = try array([1, 2, 1, 2], [1, 2, 3, 4])
    let weight = try array([3, 2], [1, 0, 0, 1, 1, 1])
    let bias = try array([3], [0, 0, 100])
    #expect(try evaluate(PointwiseLinear(), [x, weight, bias])[0].elements == [1, 2, 3, 4, 104, 106])
  }

  @Test(arguments: [1, 3, 5]) func convolution(_ side: Int) throws {
    let (x, weight) = (try array([1, 2, 4, 5], seed: 1), try array([3, 2, side, side], seed: 2))
    var expected = [Double](repeating: 0, count: 3 * 20)
    for o in 0..<3 {
      for c in 0..<2 {
        for y in 0..<4 {
          for z in 0..<5 {
            for i in 0..<side {
              for j in 0..<side {
                let (row, column) = (y + i - side / 2, z + j - side / 2)
                guard (0..<4).contains(row), (0..<5).contains(column) else { continue }
                expected[(o * 4 + y) * 5 + z] +=
                  x.elements[(c * 4 + row) * 5 + column] * weight.elements[((o * 2 + c) * side + i) * side + j]
              }
            }
          }
        }
      }
    }
    expectClose(try evaluate(Convolution(), [x, weight])[0].elements, expected)
  }

  @Test(arguments: [[4, 5], [1, 3], [2, 1], [1, 1]]) func depthwiseConvolution(_ size: [Int]) throws {
    let (height, width) = (size[0], size[1])
    let (x, weight) = (try array([1, 2, height, width], seed: 3), try array([2, 3, 3], seed: 4))
    let bias = try array([2], [0.5, -0.5])
    var expected: [Double] = []
    for c in 0..<2 {
      for y in 0..<height {
        for z in 0..<width {
          var sum = bias.elements[c]
          for i in 0..<3 {
            for j in 0..<3 {
              let (row, column) = (y + i - 1, z + j - 1)
              guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
              sum += x.elements[(c * height + row) * width + column] * weight.elements[(c * 3 + i) * 3 + j]
            }
          }
          expected.append(sum)
        }
      }
    }
    expectClose(try evaluate(DepthwiseConvolution(), [x, weight, bias])[0].elements, expected)
  }

  /// The scan operators in a frame are the upright ones on the turned map, turned back.
  @Test(arguments: Frame.all) func scanOrders(_ frame: Frame) throws {
    func turned(_ x: ReferenceArray<Double>) throws -> ReferenceArray<Double> {
      try evaluate(ChangeFrame(frame), [x])[0]
    }
    let (x, weight, bias) = (try array([1, 2, 3, 4], seed: 5), try array([2, 7], seed: 6), try array([2], seed: 7))
    let convolved = try turned(evaluate(ScanConvolution(), [turned(x), weight, bias])[0])
    expectClose(try evaluate(ScanConvolution(frame: frame), [x, weight, bias])[0].elements, convolved.elements)
    let (decay, skip) = (try array([2, 3], [-1, -2, -3, -0.5, -0.1, -4]), try array([2], seed: 9))
    let (b, c) = (try array([1, 3, 3, 4], seed: 10), try array([1, 3, 3, 4], seed: 11))
    let delta = try evaluate(ElementwiseUnary(.exp), [x])[0]
    let scanned = try turned(
      evaluate(SelectiveScan(), [turned(x), turned(delta), decay, turned(b), turned(c), skip])[0])
    let inFrame = try evaluate(SelectiveScan(frame: frame), [x, delta, decay, b, c, skip])[0]
    expectClose(inFrame.elements, scanned.elements)
  }

  @Test func scanConvolutionRunsOnAcrossRowEnds() throws {
    let x = try array([1, 1, 2, 2], [1, 2, 3, 4])
    let weight = try array([1, 3], [1, 10, 100])
    let y = try evaluate(ScanConvolution(), [x, weight, try array([1], [0])])[0]
    #expect(y.elements == [210, 321, 432, 43])
  }

  @Test func selectiveScanIsItsRecurrence() throws {
    let (u, delta) = (try array([1, 1, 1, 3], [1, 2, 3]), try array([1, 1, 1, 3], [0.5, 0.25, 1]))
    let (b, c) = (try array([1, 2, 1, 3], [1, 2, 3, 4, 5, 6]), try array([1, 2, 1, 3], [1, -1, 2, 0.5, 1, 3]))
    let (decay, skip) = (try array([1, 2], [-1, -2]), try array([1], [0.1]))
    var (h, expected) = ([0.0, 0.0], [Double]())
    for l in 0..<3 {
      var y = 0.1 * u.elements[l]
      for n in 0..<2 {
        h[n] =
          exp(delta.elements[l] * decay.elements[n]) * h[n] + delta.elements[l] * u.elements[l] * b.elements[n * 3 + l]
        y += h[n] * c.elements[n * 3 + l]
      }
      expected.append(y)
    }
    expectClose(try evaluate(SelectiveScan(), [u, delta, decay, b, c, skip])[0].elements, expected)
    let scaled = try array([1, 2], decay.elements.map { $0 * log2(exp(1)) })
    expectClose(try evaluate(SelectiveScan(base: .two), [u, delta, scaled, b, c, skip])[0].elements, expected)
  }

  @Test func splitting() throws {
    let parts = try evaluate(Split([1, 2]), [try array([1, 3, 1, 1], [1, 2, 3])])
    #expect(parts.map(\.elements) == [[1], [2, 3]])
  }

  @Test func resampling() throws {
    let x = try array([1, 1, 2, 2], [1, 2, 3, 6])
    #expect(try evaluate(BilinearResample(.half), [x])[0].elements == [3])
    let row = try array([1, 1, 1, 2], [0, 4])
    #expect(try evaluate(BilinearResample(.double), [row])[0].elements == [0, 1, 3, 4, 0, 1, 3, 4])
  }

  @Test func padsAndCrops() throws {
    let x = try array([1, 1, 1, 3], [1, 2, 3])
    let tall = try array([1, 1, 3, 3], Array(1...9).map(Double.init))
    #expect(try evaluate(ReflectPad(multiple: 1), [x])[0].elements == [1, 2, 3])
    #expect(
      try evaluate(ReflectPad(multiple: 4), [tall])[0].elements == [1, 2, 3, 2, 4, 5, 6, 5, 7, 8, 9, 8, 4, 5, 6, 5])
    #expect(
      try evaluate(ReflectPad(multiple: 4, growing: .start), [tall])[0].elements
        == [5, 4, 5, 6, 2, 1, 2, 3, 5, 4, 5, 6, 8, 7, 8, 9])
    #expect(try evaluate(Crop(height: 1, width: 2), [tall])[0].elements == [1, 2])
    #expect(try evaluate(Crop(height: 2, width: 1, keeping: .end), [tall])[0].elements == [6, 9])
  }

  @Test func whatCannotBePaddedOrCroppedIsAnError() throws {
    let x = try array([1, 1, 1, 3], [1, 2, 3])
    #expect(throws: EVSSMError.self) { try evaluate(ReflectPad(multiple: 8), [x]) }
    #expect(throws: EVSSMError.self) { try evaluate(Crop(height: 2, width: 2), [x]) }
    #expect(throws: EVSSMError.self) { try evaluate(Crop(height: -1, width: 2), [x]) }
  }
}

@Suite struct SpectralFilterEvaluationTests {
  /// A filter of ones changes nothing, whichever form it has.
  @Test(arguments: [5, 8]) func onesAreTheIdentity(_ columns: Int) throws {
    let x = try array([1, 2, 8, 16], seed: 1)
    let ones = try array([2, 8, columns], [Double](repeating: 1, count: 16 * columns))
    expectClose(try evaluate(SpectralFilter(), [x, ones])[0].elements, x.elements)
  }

  /// The patch's mean is frequency 0.
  @Test func frequencyZeroIsTheMean() throws {
    let x = try array([1, 1, 8, 8], seed: 2)
    var filter = [Double](repeating: 0, count: 40)
    filter[0] = 1
    let mean = x.elements.reduce(0, +) / 64
    expectClose(
      try evaluate(SpectralFilter(), [x, try array([1, 8, 5], filter)])[0].elements,
      [Double](repeating: mean, count: 64))
  }

  /// irfft2 sees a wave in column 4 through the Hermitian part of its coefficients only.
  @Test func theAntiHermitianPartIsDropped() throws {
    let x = try array([1, 1, 8, 8], (0..<64).map { cos(2 * .pi * Double($0 / 8) / 8) })
    var filter = [Double](repeating: 0, count: 40)
    filter[5] = 1
    let half = try evaluate(SpectralFilter(), [x, try array([1, 8, 5], filter)])[0]
    expectClose(half.elements, x.elements.map { $0 / 2 })
  }

  @Test func patchesDoNotMix() throws {
    var x = try array([1, 1, 8, 16], [Double](repeating: 0, count: 128)).elements
    x[3] = 1
    let filter = try array([1, 8, 5], seed: 3)
    let y = try evaluate(SpectralFilter(), [try array([1, 1, 8, 16], x), filter])[0].elements
    for i in 0..<128 where i % 16 >= 8 { #expect(y[i] == 0) }
  }
}
