import Tensors
import ZipFormat

extension TorchCheckpoint {
  /// Writes `catalogue` in the layout of `torch.save`, for `torch.load(path, weights_only=True)`.
  ///
  /// The file appears at `path` whole or not at all. The same tensors give the same bytes. Every tensor gets a
  /// storage of
  /// its own.
  /// - Parameter wrapper: the key under which the state dict stands; nil for a bare state dict.
  /// - Throws: `torch.write` (category `inputOutput`), `torch.tensor-name`, or a limit's error.
  package static func write(_ catalogue: TensorCatalogue, wrapper: String? = "params", to path: String) throws {
    guard !path.utf8.contains(0) else {
      throw EVSSMError("file.path", "A path holds a NUL character.", category: .usage)
    }
    try checkNames(catalogue)
    do {
      let writer = try ZipWriter(path: path, errorCode: "torch.write")
      try writer.add(folder + "data.pkl", PickleWriter.pickle(catalogue, wrapper: wrapper))
      try writer.add(folder + "byteorder", Array("little".utf8))
      for (index, name) in catalogue.names.enumerated() {
        if let tensor = catalogue[name] { try writer.add(folder + "data/\(index)", tensor) }
      }
      try writer.add(folder + "version", Array("3\n".utf8))
      try writer.finish()
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private static let folder = "archive/"

  /// What ``read(path:key:)`` would refuse is not written.
  private static func checkNames(_ catalogue: TensorCatalogue) throws {
    try Limits.check(
      catalogue.count, atMost: Limits.maxZipEntries - 3, name: "max_zip_entries", "The number of tensors")
    for name in catalogue.names {
      let place = EVSSMError.Place(node: name)
      try Limits.check(
        name.utf8.count, atMost: Limits.maxTensorNameBytes, name: "max_tensor_name", "The length of a tensor's name",
        place: place)
      guard !name.isEmpty, EVSSMError.escaped(name, limit: .max) == name else {
        throw EVSSMError("torch.tensor-name", "A tensor's name is empty or holds control characters.", place: place)
      }
    }
  }
}
