import CZip
import Foundation
import Tensors

extension TorchCheckpoint {
  /// Writes `catalogue` in the layout of `torch.save`, for `torch.load(path, weights_only=True)`.
  ///
  /// The file appears at `path` whole or not at all. The same tensors give the same bytes. Every tensor gets a
  /// storage of
  /// its own.
  /// - Parameter wrapper: the key under which the state dict stands; nil for a bare state dict.
  /// - Throws: `torch.write` (category `inputOutput`), `torch.tensor-name`, or a limit's error.
  public static func write(_ catalogue: TensorCatalogue, wrapper: String? = "params", to path: String) throws {
    guard !path.utf8.contains(0) else {
      throw EVSSMError("file.path", "A path holds a NUL character.", category: .usage)
    }
    try checkNames(catalogue)
    do {
      let writer = try ZipWriter(path: path)
      try writer.addText("data.pkl", PickleWriter.pickle(catalogue, wrapper: wrapper))
      try writer.addText("byteorder", Array("little".utf8))
      for (index, name) in catalogue.names.enumerated() {
        if let tensor = catalogue[name] { try writer.addTensor("data/\(index)", tensor) }
      }
      try writer.addText("version", Array("3\n".utf8))
      try writer.finish()
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

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

/// A zip archive in the making: stored entries, fixed times. libzip writes a temporary file beside `path` and renames
/// it.
private final class ZipWriter {
  private static let folder = "archive/"
  // 1980-01-01, the first day that zip can express.
  private static let date: zip_uint16_t = 0x21

  private var handle: OpaquePointer?
  /// Bytes that libzip reads when the archive is closed.
  private var buffers: [TensorStorage] = []

  init(path: String) throws {
    var code: Int32 = 0
    guard let handle = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
      var error = zip_error_t()
      zip_error_init_with_code(&error, code)
      defer { zip_error_fini(&error) }
      throw Self.failure(&error)
    }
    self.handle = handle
  }

  deinit { if let handle { zip_discard(handle) } }

  func addText(_ name: String, _ bytes: [UInt8]) throws {
    let storage = try TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
    try add(name, storage, storage.bytes)
  }

  func addTensor(_ name: String, _ tensor: Tensor) throws {
    let range = tensor.byteOffset..<tensor.byteOffset + tensor.byteCount
    try add(name, tensor.storage, UnsafeRawBufferPointer(rebasing: tensor.storage.bytes[range]))
  }

  /// - Parameter owner: keeps `bytes` alive until the archive is written.
  private func add(_ name: String, _ owner: TensorStorage, _ bytes: UnsafeRawBufferPointer) throws {
    buffers.append(owner)
    guard let source = zip_source_buffer(handle, bytes.baseAddress, zip_uint64_t(bytes.count), 0) else {
      throw Self.failure(zip_get_error(handle))
    }
    let index = zip_file_add(handle, Self.folder + name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
    guard index >= 0 else {
      zip_source_free(source)
      throw Self.failure(zip_get_error(handle))
    }
    guard zip_set_file_compression(handle, zip_uint64_t(index), ZIP_CM_STORE, 0) == 0,
      zip_file_set_dostime(handle, zip_uint64_t(index), 0, Self.date, 0) == 0
    else { throw Self.failure(zip_get_error(handle)) }
  }

  func finish() throws {
    guard let handle else { return }
    guard zip_close(handle) == 0 else { throw Self.failure(zip_get_error(handle)) }
    self.handle = nil
    buffers = []
  }

  private static func failure(_ error: UnsafeMutablePointer<zip_error_t>?) -> EVSSMError {
    let reason = error.map { String(cString: zip_error_strerror($0)) } ?? "unknown error"
    return EVSSMError("torch.write", "The checkpoint cannot be written: \(reason).", category: .inputOutput)
  }
}
