import Tensors
import ZipFormat

/// The container that `torch.save` writes since PyTorch 1.6: a zip archive with one top folder.
///
/// Source: PyTorch `caffe2/serialize/inline_container.h` (versions, alignment) and `torch/serialization.py`. The
/// records
/// `.format_version` and `.storage_alignment` are hints for computing offsets and are not used.
struct ZipContainer: TorchContainer {
  let file: InputFile
  let name = "zip"
  let byteOrder: TorchCheckpoint.ByteOrder
  let root: PickleValue
  let heap: PickleHeap
  let source: PickleSource
  private let records: Records

  var recordCount: Int { records.archive.directory.entries.count }

  init(file: InputFile) throws {
    self.file = file
    records = try Records(ZipArchive(file: file))
    try records.checkVersion()
    byteOrder = try records.byteOrder()
    let entry = try records.entry("data.pkl")
    let limit = Limits.maxPickleBytes(fileBytes: file.byteCount)
    let bytes = try records.archive.bytes(of: entry, limit: limit, name: "max_pickle_bytes")
    source = PickleSource(bytes, fileOffset: entry.method == .stored ? entry.dataOffset : 0)
    var interpreter = PickleInterpreter(
      source: source, resolver: records, objectBytes: Limits.maxPickleObjectBytes(fileBytes: file.byteCount))
    do {
      root = try interpreter.run()
      guard interpreter.position == bytes.count else {
        throw EVSSMError("pickle.trailing", "Bytes follow the end of the pickle.")
      }
    } catch let error as EVSSMError { throw error.at(.init(node: entry.name)) }
    heap = interpreter.heap
  }

  func read(_ storage: PickledStorage, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try records.archive.read(records.entry("data/\(storage.key)"), range, into: target)
  }
}

extension ZipContainer {
  /// The archive's records by their names below the top folder.
  struct Records: StorageResolver {
    let archive: ZipArchive
    private let prefix: String
    private let indices: [String: Int]

    var hasViewMetadata: Bool { false }

    init(_ archive: ZipArchive) throws {
      self.archive = archive
      let entries = archive.directory.entries
      prefix = try Self.topFolder(entries, archive.file)
      var indices: [String: Int] = [:]
      for entry in entries {
        guard entry.name.hasPrefix(prefix) else {
          throw EVSSMError(
            "torch.top-folder", "The archive's entries do not share one top folder.",
            place: .init(file: archive.file.path, node: entry.name))
        }
        if !entry.isDirectory { indices[String(entry.name.dropFirst(prefix.count))] = entry.index }
      }
      self.indices = indices
      if indices["constants.pkl"] != nil {
        throw EVSSMError(
          "torch.torchscript",
          "This is a TorchScript archive (torch.jit.save), not a checkpoint: save model.state_dict() with torch.save.",
          place: .init(file: archive.file.path))
      }
    }

    /// The folder that holds `data.pkl`, with its slash.
    private static func topFolder(_ entries: [ZipEntry], _ file: InputFile) throws -> String {
      let pickle = "data.pkl"
      let folders = entries.compactMap { entry -> String? in
        guard entry.name.hasSuffix("/" + pickle) else { return nil }
        let folder = entry.name.dropLast(pickle.count)
        return folder.dropLast().contains("/") ? nil : String(folder)
      }
      guard let folder = folders.first else {
        throw EVSSMError(
          "torch.no-pickle", "The archive has no record NAME/data.pkl in a top folder: it is no PyTorch checkpoint.",
          place: .init(file: file.path))
      }
      guard folders.count == 1 else {
        throw EVSSMError(
          "torch.top-folder", "The archive has data.pkl in several top folders.", place: .init(file: file.path))
      }
      return folder
    }

    func entry(_ record: String) throws -> ZipEntry {
      guard let index = indices[record] else {
        throw EVSSMError(
          "torch.missing-record", "The archive lacks this record.",
          place: .init(file: archive.file.path, node: prefix + record))
      }
      return archive.directory.entries[index]
    }

    func storageByteCount(_ key: String) throws -> Int? { try entry("data/\(key)").size }

    private func shortText(_ record: String) throws -> String {
      let bytes = try archive.bytes(of: entry(record), limit: Limits.maxHintRecordBytes, name: "max_hint_record")
      return String(decoding: bytes, as: UTF8.self)
    }

    /// PyTorch reads file format versions 1 to 10.
    func checkVersion() throws {
      let text = try shortText("version")
      let digits = text.hasSuffix("\n") ? String(text.dropLast()) : text
      let isPlain = !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
      guard isPlain, let version = Int(digits), (1...10).contains(version) else {
        throw EVSSMError(
          "torch.version", "The checkpoint's format version '\(EVSSMError.escaped(text))' is not 1 to 10.",
          place: .init(file: archive.file.path, node: prefix + "version"))
      }
    }

    /// The order of the bytes in numbers; little when nothing is said, as before PyTorch 2.1.
    func byteOrder() throws -> TorchCheckpoint.ByteOrder {
      guard indices["byteorder"] != nil else { return .little }
      let text = try shortText("byteorder")
      guard let order = TorchCheckpoint.ByteOrder(rawValue: text) else {
        throw EVSSMError(
          "torch.byte-order", "The checkpoint's byte order '\(EVSSMError.escaped(text))' is neither little nor big.",
          place: .init(file: archive.file.path, node: prefix + "byteorder"))
      }
      return order
    }
  }
}
