@testable import PrimitiveOperators
import Tensors
import Testing

@Suite struct EvaluationTests {
  @Test func arithmeticBroadcastsAndWraps() throws {
    let sum = try apply("Add", [ramp(2, 3), floats([3], [10, 20, 30])])[0]
    #expect(sum.doubles() == [10, 21, 32, 13, 24, 35])
    let bytes = try Tensor(dtype: .uint8, shape: [2], integers: [250, 3])
    #expect(try apply("Add", [bytes, bytes])[0].integers() == [244, 6])
    #expect(try apply("Mod", [ints(-7, 7, -7), ints(3, -3, -3)])[0].integers() == [2, -2, -1])
    #expect(try apply("Mod", ["fmod": .int(1)], [ints(-7, 7), ints(3, -3)])[0].integers() == [-1, 1])
    #expect(refusal { _ = try apply("Div", [ints(1), ints(0)]) } == "graph.value")
  }

  @Test func dataMoves() throws {
    #expect(try apply("Transpose", ["perm": .ints([1, 0])], [ramp(2, 3)])[0].doubles() == [0, 3, 1, 4, 2, 5])
    #expect(try apply("Slice", [ramp(5), ints(-1), ints(Int64.min), ints(0), ints(-2)])[0].doubles() == [4, 2, 0])
    #expect(try apply("Concat", ["axis": .int(-1)], [ramp(2, 1), ramp(2, 2)])[0].doubles() == [0, 0, 1, 1, 2, 3])
    #expect(try apply("Pad", ["mode": .string("reflect")], [ramp(3), ints(2, 1)])[0].doubles() == [2, 1, 0, 1, 2, 1])
    #expect(try apply("Tile", [ramp(1, 2), ints(2, 2)])[0].doubles() == [0, 1, 0, 1, 0, 1, 0, 1])
    let parts = try apply("Split", ["num_outputs": .int(2)], [ramp(5)], outputs: 2)
    #expect(parts.map { $0.doubles() } == [[0, 1, 2], [3, 4]])
    #expect(
      try apply("DepthToSpace", ["blocksize": .int(2), "mode": .string("CRD")], [ramp(1, 4, 1, 2)])[0].doubles()
        == [0, 2, 1, 3, 4, 6, 5, 7])
    #expect(try apply("GatherND", [ramp(2, 2), ints([2, 2], [0, 0, 1, 1])])[0].doubles() == [0, 3])
    #expect(
      try apply(
        "ScatterElements", ["axis": .int(0), "reduction": .string("add")],
        [ramp(3), ints(0, 0), floats([2], [5, 6])])[0].doubles() == [11, 1, 2])
  }

  @Test func convolutionsAgreeWithTheirTranspose() throws {
    let input = try ramp(1, 2, 4, 5)
    let weight = try floats([4, 1, 3, 3], (0..<36).map { Double($0 % 7) - 3 })
    let attributes: [String: AttributeValue] = [
      "group": .int(2), "strides": .ints([2, 1]), "pads": .ints([1, 1, 1, 1]),
    ]
    let out = try apply("Conv", attributes, [input, weight])[0]
    #expect(out.shape == [1, 4, 2, 5])
    // ⟨conv x, y⟩ = ⟨x, convᵀ y⟩
    let other = try floats(out.shape, (0..<40).map { Double($0 % 5) })
    let back = try apply(
      "ConvTranspose", attributes.merging(["output_padding": .ints([1, 0])]) { $1 }, [other, weight])[0]
    #expect(back.shape == input.shape)
    let left = zip(out.doubles(), other.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
    let right = zip(input.doubles(), back.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(left == right)
  }

  @Test func transformsAndTheirInverses() throws {
    for size in [1, 2, 5, 8, 12] {
      let signal = try floats([1, size, 1], (0..<size).map { Double($0 * $0 % 7) })
      let spectrum = try apply("DFT", opset: 20, ["onesided": .int(1)], [signal, nil, ints([], [1])])[0]
      #expect(spectrum.shape == [1, size / 2 + 1, 2])
      let full = try apply("DFT", opset: 20, [signal, nil, ints([], [1])])[0]
      let back = try apply("DFT", opset: 20, ["inverse": .int(1)], [full, nil, ints([], [1])])[0].doubles()
      for (i, value) in signal.doubles().enumerated() { #expect(abs(back[2 * i] - value) < 1e-5) }
    }
  }

  @Test func sizesAreFollowed() throws {
    let h = Dimension(symbol: "H"), w = Dimension(symbol: "W")
    let picture = TensorFact(ValueType(.float32, [1, 3, h, w]))
    let shape = try infer("Shape", [picture])[0]
    #expect(shape.sizes == [1, 3, h, w])
    let side = try infer("Gather", [shape, TensorFact(ints([], [2]))])[0]
    #expect(side.sizes == [h])
    let half = try infer("Div", [side, TensorFact(ints([], [2]))])[0]
    #expect(half.sizes == [try h.dividedRoundingDown(by: 2)])
    let flat = try infer("Reshape", [picture, TensorFact(ints(1, 3, -1))])[0]
    #expect(flat.type.shape == [1, 3, try h.times(w)])
    let halved = try infer(
      "Slice",
      [
        picture, TensorFact(ints(0)), TensorFact(ValueType(.int64, [1]), sizes: half.sizes),
        TensorFact(ints(2)),
      ])[0]
    #expect(halved.type.shape[2] == (try h.dividedRoundingDown(by: 2)))
  }

  @Test func everyOperatorIsMadeOrRefusesWithAReason() {
    for type in PrimitiveRegistry.types {
      let call = PrimitiveCall(type, opset: PrimitiveRegistry.newestOpset, inputs: [true])
      do {
        let op = try PrimitiveRegistry.operator(for: call)
        _ = try op.infer([TensorFact(ValueType(.float32, []))], InferenceContext())
      } catch { #expect(error is EVSSMError, "\(type)") }
      let odd = PrimitiveCall(type, opset: 28, attributes: ["no_such_attribute": .int(1)], inputs: [true])
      #expect(throws: EVSSMError.self) { try PrimitiveRegistry.operator(for: odd) }
    }
  }
}
