import EVSSMModel
import GraphIR
import Tensors
import TestSupport
import Testing

@Suite struct GraphTests {
  private func graph(
    _ architecture: EVSSMArchitecture, _ windows: WindowMode = .released
  ) throws -> Graph {
    try EVSSMModel.graph(SeededWeights.catalogue(architecture, seed: 2), architecture, windows: windows)
  }

  @Test func mapsAThePictureToAPictureOfAnySize() throws {
    let graph = try graph(RecognitionTests.small)
    let types = (graph.inputs + graph.outputs).map { graph[$0].type.description }
    #expect(types == ["float32[1, 3, H, W]", "float32[1, 3, H, W]"])
  }

  @Test func namesTheHalvesOfEveryBlock() throws {
    let architecture = SeededWeights.architecture(dim: 8, blocks: [2, 1, 1])
    for mode in WindowMode.allCases {
      let names = Set(try graph(architecture, mode).nodes.map(\.name))
      for stage in architecture.stages {
        for block in 0..<architecture.blocks[stage.level] {
          #expect(names.contains("\(stage.name).block\(block).scan_stage"))
          #expect(names.contains("\(stage.name).block\(block).feed_forward_stage"))
        }
      }
    }
  }

  @Test func wholeHasNoWindowsAndReleasedHasOnesOfEveryLevel() throws {
    let whole = try graph(RecognitionTests.small, .whole)
    #expect(!whole.nodes.contains { $0.op is Windows })
    let released = try graph(RecognitionTests.small)
    #expect(released.nodes.compactMap { ($0.op as? Windows)?.side } == [384, 192, 96, 96, 192, 384])
  }

  @Test func everyTensorIsUsedOnce() throws {
    let architecture = SeededWeights.architecture(dim: 8, blocks: [1, 2, 1])
    let graph = try graph(architecture)
    let bodies = graph.nodes.flatMap(\.op.regions)
    let used = ([graph] + bodies).flatMap { $0.values.filter { $0.constant != nil }.map(\.name) }
    #expect(used.sorted() == architecture.parameters.map(\.name).sorted())
  }

  @Test func anotherCheckpointIsRefused() throws {
    let other = SeededWeights.architecture(dim: 8, blocks: [1, 1, 2])
    let catalogue = try SeededWeights.catalogue(RecognitionTests.small, seed: 2)
    let error = #expect(throws: EVSSMError.self) { try EVSSMModel.graph(catalogue, other) }
    #expect(error?.code == "evssm.mismatch")
  }

  @Test func impossibleArchitecturesAreRefused() throws {
    let catalogue = try SeededWeights.catalogue(RecognitionTests.small, seed: 2)
    var architecture = RecognitionTests.small
    architecture.blocks = [1, 1]
    #expect(throws: EVSSMError.self) { try EVSSMModel.graph(catalogue, architecture) }
    architecture = RecognitionTests.small
    architecture.dim = 0
    #expect(throws: EVSSMError.self) { try EVSSMModel.graph(catalogue, architecture) }
    #expect(throws: EVSSMError.self) {
      try EVSSMModel.graph(catalogue, RecognitionTests.small, windowSides: [4, 0, 4])
    }
  }

  @Test func theGraphIsTheSameEveryTime() throws {
    #expect(try graph(RecognitionTests.small).dump() == graph(RecognitionTests.small).dump())
  }
}
