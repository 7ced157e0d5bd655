import NumpyFormat
import Tensors
import ZipFormat

/// Named arrays in NumPy's .npz format: a zip archive of .npy files (`numpy.savez`, `numpy.savez_compressed`).
package enum NumpyArchive {
  private static let suffix = ".npy"

  /// Reads all arrays, in the order of the file.
  ///
  /// - Throws: `zip.…` for archives that are malformed, `npz.entry` for entries that are no arrays, `npy.…` for arrays
  ///   that are not read, `limit.exceeded`, `file.…`.
  package static func read(path: String) throws -> [(name: String, tensor: Tensor)] {
    do {
      let archive = try ZipArchive(file: InputFile(path))
      return try archive.directory.entries.map { try read($0, archive) }
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private static func read(_ entry: ZipEntry, _ archive: ZipArchive) throws -> (name: String, tensor: Tensor) {
    guard entry.name.hasSuffix(suffix), entry.name.count > suffix.count else {
      throw EVSSMError(
        "npz.entry", "The archive holds something else than .npy files.", place: .init(node: entry.name))
    }
    do {
      let storage = try TensorStorage(byteCount: entry.size) { try archive.read(entry, 0..<entry.size, into: $0) }
      return (String(entry.name.dropLast(suffix.count)), try NumpyFile.array(storage))
    } catch let error as EVSSMError { throw error.at(.init(node: entry.name)) }
  }

  /// Writes arrays, stored. The same arrays give the same bytes; the file appears only when it is complete.
  ///
  /// - Throws: `npz.name` for names that no entry can have or that are there twice, `zip.write`, `file.unwritable`.
  package static func write(_ arrays: [(name: String, tensor: Tensor)], to path: String) throws {
    var seen: Set<String> = []
    for (name, _) in arrays {
      guard ZipEntryName.isValid(name + suffix), seen.insert(name.lowercased()).inserted else {
        throw EVSSMError(
          "npz.name", "No file in an archive can have this name, or two would have it.", category: .usage,
          place: .init(file: path, node: name))
      }
    }
    do {
      let writer = try ZipWriter(path: path)
      for (name, tensor) in arrays { try writer.add(name + suffix, NumpyFile.bytes(tensor)) }
      try writer.finish()
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }
}
