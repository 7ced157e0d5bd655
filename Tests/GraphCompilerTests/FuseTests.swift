import GraphIR
import GraphRewriting
import Tensors
import Testing

@testable import GraphCompiler

/// Each fusing pass: the graph that a stage stands for before, the stage after.
@Suite struct FuseTests {
  private let map = ValueType.map(.float32, 4, 16, 24)

  /// Expects the pass to make `op` of what it stands for, on these maps and seeded weights of these shapes.
  private func expect(
    _ pass: any FusingPass, makes op: any Decomposable, maps: [ValueType], weights: [[Int]], negative: Int? = nil
  ) throws {
    let tensors = try weights.enumerated().map { index, shape in
      let tensor = try PassTesting.tensor(shape, seed: UInt64(index) + 1)
      return index == negative ? try tensor.mapped { -abs($0) } : tensor
    }
    let constants = maps.map { _ in nil as Tensor? } + tensors
    let before = try op.decomposition(types: maps + tensors.map { ValueType(of: $0) }, constants: constants)
    #expect(before.nodes.count > 1)
    let (after, explanations) = try PassTesting.run(pass, on: before)
    #expect(PassTesting.outline(after) == op.label)
    #expect(after.nodes.first?.op.attributes == op.attributes)
    let kept = after.nodes.first?.inputs.compactMap { after.constant($0)?.shape }
    #expect(kept == weights)
    #expect(explanations.map(\.verdict) == [.applied])
    #expect(explanations.first?.reason == "recognised as \(op.label)")
  }

  @Test(arguments: Frame.all, [nil, 9]) func scanStages(frame: Frame, side: Int?) throws {
    let (c, d, r) = (4, 8, 1)
    try expect(
      FuseScanStage(),
      makes: FusedScanStage(frame: frame, windowSide: side, rank: r, rmsEpsilon: 1e-6, layerNormEpsilon: 1e-5),
      maps: [map],
      weights: [
        [d, c], [d], [d, 3, 3], [d], [r + 16, d], [r + 16, 7], [r + 16], [d, r], [d], [d, 8], [d], [d], [d], [d, c],
        [d], [c, d],
      ], negative: 9)
  }

  @Test(arguments: [false, true]) func feedForwardStages(halfTurned: Bool) throws {
    try expect(
      FuseFeedForwardStage(),
      makes: FusedFeedForwardStage(frame: Frame(halfTurned: halfTurned), hidden: 6, epsilon: 1e-6), maps: [map],
      weights: [[12, 4], [12], [12, 3, 3], [4, 6], [4, 8, 8]])
  }

  @Test(arguments: [1, 3]) func resampling(side: Int) throws {
    try expect(FuseHalveConvolution(), makes: FusedHalveConvolution(), maps: [map], weights: [[8, 4, side, side]])
    try expect(
      FuseDoubleConvolution(), makes: FusedDoubleConvolution(), maps: [map, .map(.float32, 2, 32, 48)],
      weights: [[2, 4, side, side]])
  }

  @Test func theFirstConvolution() throws {
    try expect(
      FusePictureConvolution(), makes: FusedPictureConvolution(), maps: [.map(.float32, 3, 14, 21)],
      weights: [[4, 3, 3, 3]])
  }

  /// A network's end: the picture is padded before it is added, and the sum is cropped.
  private func end(cropsTo height: Dimension) throws -> Graph {
    var sketch = Sketch(height: 16, width: 24)
    let picture = sketch.graph.addInput("picture", .map(.float32, 3, 14, 21))
    let padded = try sketch.add(ReflectPad(multiple: 4), [picture], "pad")
    let convolved = try sketch.add(Convolution(), [sketch.x, sketch.weight("w", 3, 4, 3, 3)], "convolution")
    let sum = try sketch.add(ElementwiseBinary(.add), [convolved, padded], "add")
    return try sketch.finish(sketch.add(Crop(height: height, width: 21), [sum], "crop"))
  }

  @Test func theLastConvolution() throws {
    let before = try end(cropsTo: 14)
    #expect(PassTesting.outline(before) == "convolution reflect_pad binary crop")
    let (after, _) = try PassTesting.run(FuseOutputConvolution(), on: before)
    #expect(PassTesting.outline(after) == "output_convolution")
  }

  @Test func nearMissesStayWithAReason() throws {
    let (after, explanations) = try PassTesting.run(FuseOutputConvolution(), on: end(cropsTo: 13))
    #expect(PassTesting.outline(after) == "convolution reflect_pad binary crop")
    #expect(explanations.map(\.reason) == ["the crop is not to the picture's size"])
    var sketch = Sketch(channels: 3, height: 14, width: 21)
    let padded = try sketch.add(ReflectPad(multiple: 8), [sketch.x], "pad")
    let graph = try sketch.finish(sketch.add(Convolution(), [padded, sketch.weight("w", 4, 3, 3, 3)], "convolution"))
    let first = try PassTesting.run(FusePictureConvolution(), on: graph)
    #expect(PassTesting.outline(first.graph) == "reflect_pad convolution")
    #expect(first.explanations.map(\.reason) == ["the pad is not right and bottom to multiples of 4"])
  }
}

@Suite struct NameStagesTests {
  private func graph(_ weights: String...) throws -> Graph {
    var sketch = Sketch(height: 64, width: 64)
    var map = sketch.x
    for (index, name) in weights.enumerated() {
      map = try sketch.add(FusedHalveConvolution(), [map, sketch.weight(name, 4, 4, 1, 1)], "node\(index)")
    }
    return try sketch.finish(map)
  }

  @Test func stagesAreNamedAfterTheirWeights() throws {
    let (after, explanations) = try PassTesting.run(NameStages(), on: graph("down1.weight", "down2.weight"))
    #expect(after.nodes.map(\.name) == ["down1", "down2"])
    #expect(explanations.map(\.reason) == ["named after its weights", "named after its weights"])
    #expect(try NameStages().edit(after).isEmpty)
  }

  @Test func stagesWhoseWeightsDoNotTellAreNumbered() throws {
    let (after, explanations) = try PassTesting.run(NameStages(), on: graph("w", "down.weight", "down.weight", ""))
    #expect(
      after.nodes.map(\.name) == ["halve_convolution_1", "down", "halve_convolution_3", "halve_convolution_4"])
    #expect(explanations.first?.reason == "numbered: the names of its weights tell no other")
    let last = try #require(after.nodes.last)
    #expect(after[last.inputs[1]].name == "halve_convolution_4.constant1")
  }
}
