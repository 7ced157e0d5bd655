import GraphIR
import Tensors
import Testing

/// The type rules of the two stages, and that their decompositions have the same types.
@Suite struct FusedStageTests {
  private let map = ValueType.map(.float32, 6, Dimension(symbol: "H"), Dimension(symbol: "W"))

  private func weights(_ shapes: [[Int]]) -> [ValueType] {
    shapes.map { shape in ValueType(.float64, shape.map { Dimension($0) }) }
  }

  private var scanInputs: [ValueType] {
    let (c, d, r) = (6, 10, 2)
    return [map]
      + weights([
        [d, c], [d], [d, 3, 3], [d], [r + 16, d], [r + 16, 7], [r + 16], [d, r], [d], [d, 8], [d], [d], [d], [d, c],
        [d],
        [c, d],
      ])
  }

  private var feedForwardInputs: [ValueType] {
    [map] + weights([[8, 6], [8], [8, 3, 3], [6, 4], [6, 8, 8]])
  }

  private func scanStage(side: Int? = 5, rank: Int = 2) -> FusedScanStage {
    FusedScanStage(
      frame: Frame(transposed: true), windowSide: side, rank: rank, rmsEpsilon: 1e-6, layerNormEpsilon: 1e-5)
  }

  /// Expects `op` to keep the map's type, and to refuse every input with an axis more or a longer first axis.
  private func check(_ op: any Operator, _ inputs: [ValueType]) throws {
    #expect(try op.inferTypes(inputs) == [map])
    for index in inputs.indices.dropFirst() {
      var more = inputs
      more[index].shape.append(1)
      #expect(throws: EVSSMError.self) { try op.inferTypes(more) }
      var longer = inputs
      longer[index].shape[0] = try longer[index].shape[0].plus(1)
      #expect(throws: EVSSMError.self) { try op.inferTypes(longer) }
      #expect(throws: EVSSMError.self) { try op.inferTypes(Array(inputs.prefix(index))) }
    }
  }

  /// The decomposition, its operator's weights all zeros.
  private func decomposition(_ op: any Decomposable, _ inputs: [ValueType]) throws -> Graph {
    let constants = try inputs.map { type -> Tensor? in
      let shape = type.shape.compactMap(\.known)
      return shape.count == type.shape.count ? try Tensor(dtype: type.dtype, shape: shape) { _ in } : nil
    }
    return try op.decomposition(types: inputs, constants: constants)
  }

  @Test func scanStages() throws {
    try check(scanStage(), scanInputs)
    try check(scanStage(side: nil), scanInputs)
    #expect(throws: EVSSMError.self) { try scanStage(side: 0).inferTypes(scanInputs) }
    #expect(throws: EVSSMError.self) { try scanStage(rank: 3).inferTypes(scanInputs) }
    #expect(throws: EVSSMError.self) { try scanStage(rank: Int.max).inferTypes(scanInputs) }
  }

  @Test func feedForwardStages() throws {
    let stage = FusedFeedForwardStage(frame: .upright, hidden: 4, epsilon: 1e-6)
    try check(stage, feedForwardInputs)
    let large = FusedFeedForwardStage(frame: .upright, hidden: Int.max, epsilon: 1e-6)
    #expect(throws: EVSSMError.self) { try large.inferTypes(feedForwardInputs) }
  }

  @Test(arguments: [5, nil]) func decompositionsAreGraphsOfTheSameTypes(_ side: Int?) throws {
    let stages: [(any Decomposable, [ValueType])] = [
      (scanStage(side: side), scanInputs),
      (FusedFeedForwardStage(frame: Frame(halfTurned: true), hidden: 4, epsilon: 1e-6), feedForwardInputs),
    ]
    for (stage, inputs) in stages {
      let graph = try decomposition(stage, inputs)
      try Verifier.check(graph, after: "decomposing")
      #expect(graph.outputs.map { graph[$0].type } == [map])
      #expect(graph.nodes.contains { $0.op is Windows } == (stage is FusedScanStage && side != nil))
    }
  }

  @Test func aWeightThatIsNoConstantIsAnError() throws {
    let constants = [Tensor?](repeating: nil, count: scanInputs.count)
    let error = #expect(throws: EVSSMError.self) {
      try scanStage().decomposition(types: scanInputs, constants: constants)
    }
    #expect(error?.code == "graph.constant")
  }
}
