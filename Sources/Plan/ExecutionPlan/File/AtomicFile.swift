import Glibc
import Tensors

/// A file under construction beside its destination, which it replaces only when it is complete.
struct AtomicFile {
  private let descriptor: Int32
  private let byteCount: Int
  private let place: EVSSMError.Place

  /// Makes a zeroed file of `byteCount` bytes, lets `body` fill it, flushes it and renames it to `path`. Leaves nothing
  /// on failure.
  static func write<Result>(
    _ path: String, byteCount: Int, _ body: (AtomicFile) throws -> Result
  ) throws -> Result {
    let place = EVSSMError.Place(file: path)
    guard !path.utf8.contains(0) else {
      throw EVSSMError("plan.input-output", "The path contains a zero byte.", category: .inputOutput, place: place)
    }
    var template = Array((path + ".XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw MappedFile.systemError("created", place) }
    defer { close(descriptor) }
    do {
      let file = AtomicFile(descriptor: descriptor, byteCount: byteCount, place: place)
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, ftruncate(descriptor, byteCount) == 0,
        fchmod(descriptor, 0o644) == 0
      else {
        throw MappedFile.systemError("written", place)
      }
      let result = try body(file)
      guard fsync(descriptor) == 0 else { throw MappedFile.systemError("written", place) }
      guard rename(template, path) == 0 else { throw MappedFile.systemError("renamed", place) }
      return result
    } catch {
      unlink(template)
      throw error
    }
  }

  func write<Element>(_ values: [Element], at offset: Int) throws {
    try values.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, offset + done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw MappedFile.systemError("written", place) }
        done += count
      }
    }
  }

  func withMappedBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    let memory = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let memory, memory != MAP_FAILED else { throw MappedFile.systemError("mapped", place) }
    defer { munmap(memory, byteCount) }
    return try body(UnsafeRawBufferPointer(start: memory, count: byteCount))
  }
}
