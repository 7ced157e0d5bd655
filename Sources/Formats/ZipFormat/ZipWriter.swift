import CZip
import Foundation
import Tensors

/// A zip archive in the making: stored entries, fixed times. libzip writes a temporary file beside `path` and renames
/// it.
package final class ZipWriter {
  // 1980-01-01, the first day that zip can express.
  private static let date: zip_uint16_t = 0x21

  private let errorCode: EVSSMError.Code
  private var handle: OpaquePointer?
  /// Bytes that libzip reads when the archive is closed.
  private var buffers: [TensorStorage] = []

  /// - Parameter errorCode: what errors of the system have.
  package init(path: String, errorCode: EVSSMError.Code = "zip.write") throws {
    self.errorCode = errorCode
    var code: Int32 = 0
    guard let handle = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
      var error = zip_error_t()
      zip_error_init_with_code(&error, code)
      defer { zip_error_fini(&error) }
      throw Self.failure(&error, errorCode)
    }
    self.handle = handle
  }

  deinit { if let handle { zip_discard(handle) } }

  /// Adds an entry of these bytes.
  package func add(_ name: String, _ bytes: [UInt8]) throws {
    let storage = try TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
    try add(name, storage, storage.bytes)
  }

  /// Adds an entry of a tensor's bytes, which are not copied.
  package func add(_ name: String, _ tensor: Tensor) throws {
    let range = tensor.byteOffset..<tensor.byteOffset + tensor.byteCount
    try add(name, tensor.storage, UnsafeRawBufferPointer(rebasing: tensor.storage.bytes[range]))
  }

  /// - Parameter owner: keeps `bytes` alive until the archive is written.
  private func add(_ name: String, _ owner: TensorStorage, _ bytes: UnsafeRawBufferPointer) throws {
    buffers.append(owner)
    guard let source = zip_source_buffer(handle, bytes.baseAddress, zip_uint64_t(bytes.count), 0) else {
      throw Self.failure(zip_get_error(handle), errorCode)
    }
    let index = zip_file_add(handle, name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
    guard index >= 0 else {
      zip_source_free(source)
      throw Self.failure(zip_get_error(handle), errorCode)
    }
    guard zip_set_file_compression(handle, zip_uint64_t(index), ZIP_CM_STORE, 0) == 0,
      zip_file_set_dostime(handle, zip_uint64_t(index), 0, Self.date, 0) == 0
    else { throw Self.failure(zip_get_error(handle), errorCode) }
  }

  /// Writes the archive under its name.
  package func finish() throws {
    guard let handle else { return }
    guard zip_close(handle) == 0 else { throw Self.failure(zip_get_error(handle), errorCode) }
    self.handle = nil
    buffers = []
  }

  private static func failure(_ error: UnsafeMutablePointer<zip_error_t>?, _ code: EVSSMError.Code) -> EVSSMError {
    let reason = error.map { String(cString: zip_error_strerror($0)) } ?? "unknown error"
    return EVSSMError(code, "The archive cannot be written: \(reason).", category: .inputOutput)
  }
}
