import Tensors

/// The tensors of a PyTorch checkpoint (`torch.save`), read without Python and without running anything.
///
/// Read are the zip container (PyTorch 1.6 and later) and the legacy one; dense tensors of the types of ``DType``,
/// wherever they were saved (device tags are ignored), with any strides. All else is refused by a typed error.
package struct TorchCheckpoint: Sendable {
  /// The order of bytes in the numbers of a file.
  package enum ByteOrder: String, Sendable, Hashable { case little, big }

  /// What was found and what was used.
  package struct Report: Sendable, Hashable {
    /// `zip` or `legacy`.
    package var container: String
    /// The keys that lead to the tensors, joined by dots, such as `params_ema`; `bare` when the file's object holds
    /// them.
    package var wrapper: String
    /// `module.` when every name carried it.
    package var strippedPrefix: String?
    package var byteOrder: ByteOrder
    /// Records of the archive, or storages of a legacy file, whether used or not.
    package var recordCount: Int
    /// Distinct storages that the tensors use.
    package var storageCount: Int
    /// Bytes held in memory, shared storages counted once.
    package var storageByteCount: Int
    /// Keys that were passed over because they hold no tensors of the network, escaped; at most 100.
    package var skipped: [String]
  }

  package let catalogue: TensorCatalogue
  package let report: Report

  /// Reads the checkpoint at `path`.
  ///
  /// Without `key`, the state dict is looked for under `params_ema`, `params`, `state_dict` and `model`, in this order,
  /// then as a bare dict, then as the only one inside other keys. A prefix `module.` on every name is stripped.
  /// - Parameter key: the key that holds the state dict, or several joined by dots.
  /// - Throws: `EVSSMError` with code `file.*`, `zip.*`, `pickle.*`, `torch.*`, or a limit's.
  /// - Complexity: O(file); contiguous tensors view one copy of their storage, others are copied.
  package static func read(path: String, key: String? = nil) throws -> TorchCheckpoint {
    do {
      let file = try InputFile(path)
      let container = try openContainer(file)
      let selection = try StateDictSelection(container, key: key)
      return try TorchCheckpoint(container, selection)
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private static func openContainer(_ file: InputFile) throws -> any TorchContainer {
    let prefix = try file.bytes(at: 0, count: min(file.byteCount, sniffedByteCount))
    if isZip(prefix) { return try ZipContainer(file: file) }
    if isLegacy(prefix) { return try LegacyContainer(file: file) }
    throw refusal(ofUnknown: prefix)
  }

  private init(_ container: any TorchContainer, _ selection: StateDictSelection) throws {
    var loader = TensorLoader(container)
    catalogue = try loader.load(selection.tensors)
    report = Report(
      container: container.name, wrapper: selection.wrapper, strippedPrefix: selection.strippedPrefix,
      byteOrder: container.byteOrder, recordCount: container.recordCount, storageCount: loader.storageCount,
      storageByteCount: loader.byteCount, skipped: selection.skipped)
  }
}
