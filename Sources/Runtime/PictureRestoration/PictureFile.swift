import Foundation
import Tensors

/// Files that pictures are read from and written to.
package enum PictureFile {
  /// Whether a .npy array is written to the path.
  package static func isArray(_ path: String) -> Bool { Paths.fileExtension(path) == "npy" }

  /// Makes the folder and those above it, unless it is there. Throws `run.output`.
  package static func makeFolder(_ folder: String) throws {
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw EVSSMError(
        "run.output", "The folder cannot be made: \(error.localizedDescription)", category: .inputOutput,
        place: .init(file: folder))
    }
  }
}
