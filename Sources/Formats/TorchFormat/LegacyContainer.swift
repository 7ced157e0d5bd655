import Tensors
import ZipFormat

/// The container of `torch.save` before PyTorch 1.6: five pickles in a row, then the storages, each after its number of
/// elements. It has no checksums; its numbers are little-endian on every machine.
///
/// Source: `_legacy_load` in `torch/serialization.py`, `THPStorage_writeFileRaw` in `torch/csrc/serialization.cpp`.
struct LegacyContainer: TorchContainer {
  /// 0x1950a86a20f9469cfc6c, little-endian: the value of the first pickle.
  static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let protocolVersion = 1001

  let file: InputFile
  let name = "legacy"
  let byteOrder = TorchCheckpoint.ByteOrder.little
  let root: PickleValue
  let heap: PickleHeap
  let source: PickleSource
  /// Offset in the file of each storage's bytes, by key.
  private let offsets: [String: Int]

  var recordCount: Int { offsets.count }

  init(file: InputFile) throws {
    self.file = file
    source = PickleSource(startOf: file)
    var reader = Reader(file: file, source: source)
    try reader.checkHeader()
    root = try reader.next()
    let object = reader.interpreter
    let keys = try reader.storageKeys(object)
    heap = object.heap
    offsets = try Self.locate(keys, object, file, from: reader.interpreter.position)
  }

  func read(_ storage: PickledStorage, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard let offset = offsets[storage.key] else {
      throw EVSSMError(
        "torch.missing-record", "The file lacks this storage.", place: .init(file: file.path, node: storage.key))
    }
    try file.read(at: offset + range.lowerBound, into: target)
  }
}

extension LegacyContainer {
  private struct Resolver: StorageResolver {
    var hasViewMetadata: Bool { true }
    func storageByteCount(_ key: String) -> Int? { nil }
  }

  /// Reads one pickle after the other.
  private struct Reader {
    let source: PickleSource
    let objectBytes: Int
    /// The interpreter of the pickle read last.
    private(set) var interpreter: PickleInterpreter

    init(file: InputFile, source: PickleSource) {
      self.source = source
      objectBytes = Limits.maxPickleObjectBytes(fileBytes: file.byteCount)
      interpreter = PickleInterpreter(source: source, resolver: Resolver(), objectBytes: objectBytes)
    }

    /// The value of the next pickle.
    mutating func next() throws -> PickleValue {
      interpreter = PickleInterpreter(
        source: source, from: interpreter.position, resolver: Resolver(), objectBytes: objectBytes)
      return try interpreter.run()
    }

    /// Magic number, protocol and system description. The last is not used: the format is the same on all systems.
    mutating func checkHeader() throws {
      guard case .long(let range) = try next(), source.bytes[range.indices].elementsEqual(LegacyContainer.magic) else {
        throw EVSSMError("torch.legacy-magic", "The file does not start with PyTorch's magic number.")
      }
      guard case .int(let version) = try next(), version == LegacyContainer.protocolVersion else {
        throw EVSSMError("torch.version", "The legacy protocol is not \(LegacyContainer.protocolVersion).")
      }
      guard case .dictionary = try next() else {
        throw EVSSMError("torch.legacy-header", "The description of the system that wrote the file is not a dict.")
      }
    }

    /// The keys of the storages, in the order of their bytes in the file.
    mutating func storageKeys(_ object: PickleInterpreter) throws -> [String] {
      guard case .list(let index) = try next() else {
        throw EVSSMError("torch.legacy-keys", "The list of storage keys is not a list.")
      }
      var keys: [String] = []
      var at = interpreter.heap.lists[Int(index)].head
      while at != PickleHeap.nowhere {
        let cell = interpreter.heap.cells[Int(at)]
        guard case .text(let range) = cell.value, keys.count < object.storageIndices.count else {
          throw EVSSMError("torch.legacy-keys", "The list of storage keys does not match the storages in use.")
        }
        keys.append(interpreter.text(range))
        at = cell.next
      }
      guard keys.count == object.storageIndices.count else {
        throw EVSSMError("torch.missing-record", "A storage in use is not in the list of storage keys.")
      }
      return keys
    }
  }

  /// Finds each storage's bytes: a count of elements (8 bytes) and the elements, to the end of the file.
  private static func locate(
    _ keys: [String], _ object: PickleInterpreter, _ file: InputFile, from start: Int
  ) throws -> [String: Int] {
    var offsets: [String: Int] = [:]
    var at = start
    for key in keys {
      guard let index = object.storageIndices[key], offsets[key] == nil else {
        throw EVSSMError("torch.legacy-keys", "A storage key is unknown or stands twice.", place: .init(node: key))
      }
      let storage = object.heap.storages[index]
      let count = try file.bytes(at: at, count: 8).uint64(at: 0)
      guard count == UInt64(storage.byteCount / storage.elementSize) else {
        throw EVSSMError(
          "torch.storage-size", "The storage has \(count) elements in the file, and another number in the pickle.",
          place: .init(byteOffset: UInt64(at), node: key))
      }
      offsets[key] = at + 8
      at = try Checked.add(at + 8, storage.byteCount)
      guard at <= file.byteCount else {
        throw EVSSMError("file.truncated", "The file ends inside a storage.", place: .init(node: key))
      }
    }
    guard at == file.byteCount else {
      throw EVSSMError("torch.trailing", "Bytes follow the last storage.", place: .init(byteOffset: UInt64(at)))
    }
    return offsets
  }
}
