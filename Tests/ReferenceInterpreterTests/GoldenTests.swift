import EVSSMModel
import GraphIR
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing
import TorchFormat

/// The unfolded graph is the authors' network.
@Suite struct GoldenTests {
  @Test(arguments: Golden.small) func theGraphIsTheAuthorsNetwork(_ golden: Golden) throws {
    let catalogue = try golden.catalogue()
    #expect(try EVSSMArchitecture.recognise(catalogue) == golden.architecture)
    let graph = try EVSSMModel.graph(catalogue, golden.architecture, windows: golden.mode)
    let input = try golden.input()
    let output = try Interpreter<Float>(graph).run([ReferenceArray(shape: input.shape, elements: input.elements)])[0]
    let expected = try golden.output()
    try #require(output.elements.count == expected.count)
    let difference = zip(output.elements, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= Golden.tolerance)
  }

  /// The seeded weights are those of the files that PyTorch wrote, to the last bit.
  @Test(arguments: Golden.small.filter { $0.file != nil }) func theWeightsAreThoseOfTheFile(_ golden: Golden) throws {
    let file = try #require(golden.file)
    let catalogue = try TorchCheckpoint.read(path: Fixtures.path("goldens/\(file)")).catalogue
    let seeded = try golden.catalogue()
    #expect(catalogue.names == seeded.names)
    for name in seeded.names {
      #expect(catalogue[name]?.shape == seeded[name]?.shape)
      #expect(catalogue[name]?.floats() == seeded[name]?.floats(), "\(name)")
    }
  }
}
