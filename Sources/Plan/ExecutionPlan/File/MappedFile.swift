import Glibc
import Tensors

/// A regular file mapped for reading, until the last reference goes.
///
/// A file that someone else truncates while it is mapped raises SIGBUS when it is read; see ``MappingGuard``.
final class MappedFile: @unchecked Sendable {
  // Unchecked: the mapping is private and read-only.
  let bytes: UnsafeRawBufferPointer

  /// Throws `plan.no-such-file`, `plan.not-a-file`, `plan.empty`, `plan.input-output` and the limit `max_file`.
  init(path: String) throws {
    let place = EVSSMError.Place(file: path)
    guard !path.utf8.contains(0) else {
      throw EVSSMError("plan.no-such-file", "The path contains a zero byte.", category: .noInput, place: place)
    }
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.systemError("opened", place) }
    defer { close(descriptor) }
    let size = try Self.size(descriptor, place)
    let populate = size <= 1 << 28 ? MAP_POPULATE : 0
    let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE | populate, descriptor, 0)
    guard let memory, memory != MAP_FAILED else { throw Self.systemError("mapped", place) }
    bytes = UnsafeRawBufferPointer(start: memory, count: size)
    MappingGuard.register(bytes)
  }

  deinit {
    MappingGuard.unregister(bytes)
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }

  private static func size(_ descriptor: Int32, _ place: EVSSMError.Place) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemError("examined", place) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw EVSSMError("plan.not-a-file", "The path does not lead to a regular file.", place: place)
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw EVSSMError("plan.empty", "The file is empty.", place: place) }
    try Limits.check(size, atMost: Limits.maxFileBytes, name: "max_file", "The file's length", place: place)
    return size
  }

  static func systemError(_ verb: String, _ place: EVSSMError.Place) -> EVSSMError {
    let isMissing = errno == ENOENT || errno == ENOTDIR
    return EVSSMError(
      isMissing ? "plan.no-such-file" : "plan.input-output",
      "The file cannot be \(verb): \(String(cString: strerror(errno))).",
      category: isMissing ? .noInput : .inputOutput, place: place)
  }
}
