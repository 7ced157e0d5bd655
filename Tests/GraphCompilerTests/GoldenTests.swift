import EVSSMModel
import GraphIR
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing

@testable import GraphCompiler

/// The fused graph is the authors' network.
@Suite struct FusedGoldenTests {
  /// What the small cases add to the equality of compiled and uncompiled graphs: odd blocks, windows, padding.
  static let cases =
    Golden.small.filter { ["odd-blocks-56x72", "strip-1280x24", "small-45x70"].contains($0.name) } + [Golden.official]

  @Test(arguments: cases) func theFusedGraphIsTheAuthorsNetwork(_ golden: Golden) throws {
    let graph = try EVSSMModel.graph(golden.catalogue(), golden.architecture, windows: golden.mode)
    let input = try golden.input()
    let fused = try Interpreter<Float>(Pipeline.run(graph).graph)
    let output = try fused.run([ReferenceArray(shape: input.shape, elements: input.elements)])[0]
    let expected = try golden.output()
    try #require(output.elements.count == expected.count)
    let difference = zip(output.elements, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= Golden.tolerance)
  }
}
