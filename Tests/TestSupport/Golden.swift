import EVSSMModel
import Imaging
import Tensors

/// An input and output of the authors' own network in float32, under Tests/Fixtures/goldens.
///
/// Its weights are ``SeededWeights``. The authors' float32 is itself up to 1e-5 away from float64.
package struct Golden: Sendable, CustomStringConvertible {
  package var name: String
  package var architecture: EVSSMArchitecture
  package var seed: UInt32
  package var mode: WindowMode
  /// The checkpoint file with the weights, where there is one.
  package var file: String?

  package var description: String { name }

  /// The largest absolute difference that is still the same function.
  package static let tolerance: Float = 2e-5

  private init(
    _ name: String, _ dim: Int, _ blocks: [Int], _ expansion: Double = 3, seed: UInt32,
    mode: WindowMode = .released, file: String? = nil
  ) {
    self.name = name
    architecture = SeededWeights.architecture(dim: dim, blocks: blocks, expansion: expansion)
    self.seed = seed
    self.mode = mode
    self.file = file
  }

  package static let small = [
    Golden("small-48x80", 16, [2, 2, 2], seed: 1, file: "weights-16-2.2.2-3-1.pth"),
    Golden("small-20x24", 16, [2, 2, 2], seed: 1, file: "weights-16-2.2.2-3-1.pth"),
    Golden("small-45x70", 16, [2, 2, 2], seed: 1, file: "weights-16-2.2.2-3-1.pth"),
    Golden("odd-blocks-56x72", 16, [3, 1, 3], seed: 2),
    Golden("expansion-2.66-60x36", 24, [1, 2, 1], 2.66, seed: 6),
    Golden("whole-32x416", 8, [1, 1, 2], seed: 3, mode: .whole, file: "weights-8-1.1.2-3-3.pth"),
    Golden("strip-24x1280", 8, [2, 2, 2], seed: 4),
    Golden("strip-1280x24", 8, [2, 2, 2], seed: 4),
  ]
  /// The authors' sizes: 17 million weights.
  package static let official = Golden("official-64x64", 48, [6, 6, 12], seed: 0)
  /// A photograph at the authors' sizes.
  package static let photograph = Golden("official-photo-256x256", 48, [6, 6, 12], seed: 0)
  /// Pictures that only a fast implementation runs in a test's time.
  package static let large = [
    Golden("small-64x64", 16, [2, 2, 2], seed: 1), Golden("windows-400x432", 8, [1, 1, 2], seed: 3), official,
  ]

  package func catalogue() throws -> TensorCatalogue { try SeededWeights.catalogue(architecture, seed: seed) }

  /// The picture (1, 3, H, W) in [0, 1].
  package func input() throws -> (shape: [Int], elements: [Float]) {
    let picture = try Picture.read(path: path("input.png"))
    return ([1, 3, picture.height, picture.width], picture.planes())
  }

  /// The network's output, not clamped.
  package func output() throws -> [Float] { try Fixtures.array("goldens/\(name)/output.npy").floats() }

  /// The network's output as a picture of 8 bits.
  package func outputPicture() throws -> Picture { try Picture.read(path: path("output.png")) }

  private func path(_ file: String) -> String { Fixtures.path("goldens/\(name)/\(file)") }
}
