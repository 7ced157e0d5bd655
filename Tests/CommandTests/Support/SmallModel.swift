import EVSSMModel
import TestSupport
import Tensors
import TorchFormat

/// A seeded network small enough to compile and run in every test.
enum SmallModel {
  static let architecture = SeededWeights.architecture(dim: 8, blocks: [1, 1, 1])

  static func catalogue() throws -> TensorCatalogue { try SeededWeights.catalogue(architecture, seed: 7) }

  /// Writes the checkpoint into a directory and gives its path.
  static func checkpoint(in directory: TemporaryDirectory) throws -> String {
    let path = directory.path("small.pth")
    try TorchCheckpoint.write(catalogue(), to: path)
    return path
  }

  /// Compiles the checkpoint with the tool and gives the plan's path.
  static func plan(in directory: TemporaryDirectory, options: [String] = []) throws -> String {
    let path = directory.path("small.plan")
    let outcome = try CommandLineTool.run(["compile", checkpoint(in: directory), "-o", path] + options)
    guard outcome.status == 0 else {
      throw EVSSMError("test.compile", "evssm compile failed: \(outcome.errors)", category: .internal)
    }
    return path
  }
}
