import CZip
import Foundation
import Tensors

/// Records of a zip archive. The directory is our own strict reading; libzip inflates, and verifies every checksum.
///
/// Not thread-safe, as libzip's handle is not.
package final class ZipArchive {
  package let file: InputFile
  package let directory: ZipDirectory
  private let handle: OpaquePointer

  /// Throws `zip.*` when the archive is not exactly what a careful writer makes.
  package init(file: InputFile) throws {
    self.file = file
    directory = try ZipDirectory(file: file)
    handle = try Self.openHandle(file)
    guard zip_get_num_entries(handle, 0) == zip_int64_t(directory.entries.count) else {
      zip_discard(handle)
      throw EVSSMError(
        "zip.ambiguous", "Two readings of the archive find different entries.", place: .init(file: file.path))
    }
  }

  deinit { zip_discard(handle) }

  private static func openHandle(_ file: InputFile) throws -> OpaquePointer {
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    let descriptor = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0, let stream = fdopen(descriptor, "rb") else {
      if descriptor >= 0 { close(descriptor) }
      throw EVSSMError(
        "file.open", "No file descriptor is left: \(String(cString: strerror(errno))).", category: .inputOutput,
        place: .init(file: file.path))
    }
    guard let source = zip_source_filep_create(stream, 0, -1, &error) else {
      fclose(stream)
      throw refusal(&error, file)
    }
    guard let handle = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      zip_source_free(source)
      throw refusal(&error, file)
    }
    return handle
  }

  private static func refusal(_ error: inout zip_error_t, _ file: InputFile) -> EVSSMError {
    EVSSMError(
      "zip.open", "The archive cannot be read: \(String(cString: zip_error_strerror(&error))).",
      place: .init(file: file.path))
  }

  /// Reads a whole record, checking its CRC-32, and keeps the bytes of `range`, which must lie inside it.
  ///
  /// - Complexity: O(size of the record); memory beyond `target` is constant.
  package func read(_ entry: ZipEntry, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try checkAgreement(entry)
    guard let stream = zip_fopen_index(handle, zip_uint64_t(entry.index), 0) else {
      throw failure(zip_get_error(handle), entry)
    }
    defer { zip_fclose(stream) }
    try skip(range.lowerBound, of: stream, entry)
    try fill(target, from: stream, entry)
    try skip(entry.size - range.upperBound, of: stream, entry)
    // libzip compares the checksum when it meets the end.
    var extra: UInt8 = 0
    let more = zip_fread(stream, &extra, 1)
    if more < 0 { throw failure(zip_file_get_error(stream), entry) }
    if more > 0 { throw sizeError(entry) }
  }

  /// The whole of a record that is known to be small.
  package func bytes(of entry: ZipEntry, limit: Int, name: String) throws -> [UInt8] {
    try Limits.check(
      entry.size, atMost: limit, name: name, "The size of the record", place: .init(file: file.path, node: entry.name))
    return try [UInt8](unsafeUninitializedCapacity: entry.size) { buffer, initialized in
      let target = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<entry.size])
      try read(entry, 0..<entry.size, into: target)
      initialized = entry.size
    }
  }

  private func checkAgreement(_ entry: ZipEntry) throws {
    var status = zip_stat_t()
    zip_stat_init(&status)
    guard zip_stat_index(handle, zip_uint64_t(entry.index), zip_flags_t(ZIP_FL_ENC_RAW), &status) == 0 else {
      throw failure(zip_get_error(handle), entry)
    }
    guard status.size == UInt64(entry.size), status.comp_size == UInt64(entry.compressedSize),
      Int(status.crc) == entry.crc, Int(status.comp_method) == entry.method.rawValue,
      status.name.map({ String(cString: $0) }) == entry.name
    else {
      throw EVSSMError(
        "zip.ambiguous", "Two readings of the archive find different entries.",
        place: .init(file: file.path, node: entry.name))
    }
  }

  private func skip(_ count: Int, of stream: OpaquePointer, _ entry: ZipEntry) throws {
    guard count > 0 else { return }
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, 1 << 18), alignment: 64)
    defer { scratch.deallocate() }
    var left = count
    while left > 0 {
      let part = min(left, scratch.count)
      try fill(UnsafeMutableRawBufferPointer(rebasing: scratch[..<part]), from: stream, entry)
      left -= part
    }
  }

  private func fill(_ target: UnsafeMutableRawBufferPointer, from stream: OpaquePointer, _ entry: ZipEntry) throws {
    var done = 0
    while done < target.count {
      let got = zip_fread(stream, target.baseAddress.map { $0 + done }, zip_uint64_t(target.count - done))
      if got < 0 { throw failure(zip_file_get_error(stream), entry) }
      if got == 0 { throw sizeError(entry) }
      done += Int(got)
    }
  }

  private func sizeError(_ entry: ZipEntry) -> EVSSMError {
    EVSSMError(
      "zip.size-mismatch", "The record does not hold the \(entry.size) bytes that the directory states.",
      place: .init(file: file.path, byteOffset: UInt64(entry.dataOffset), node: entry.name))
  }

  private func failure(_ error: UnsafeMutablePointer<zip_error_t>?, _ entry: ZipEntry) -> EVSSMError {
    let place = EVSSMError.Place(file: file.path, byteOffset: UInt64(entry.dataOffset), node: entry.name)
    guard let error else { return EVSSMError("zip.read", "The record cannot be read.", place: place) }
    let reason = String(cString: zip_error_strerror(error))
    switch zip_error_code_zip(error) {
    case ZIP_ER_CRC:
      return EVSSMError(
        "zip.crc-mismatch",
        "The record's bytes do not match its checksum: the file is damaged. Copy or download it again.",
        place: place)
    case ZIP_ER_EOF:
      return EVSSMError("file.truncated", "The file ended while it was read.", place: place)
    default: return EVSSMError("zip.read", "The record cannot be read: \(reason).", place: place)
    }
  }
}
