import Foundation
import Tensors

/// A regular file opened for reading at given offsets. Never mapped, so a file that shrinks gives an error, not a signal.
final class InputFile: Sendable {
  let path: String
  let descriptor: Int32
  /// Bytes when it was opened.
  let byteCount: Int

  /// Throws `file.*`: missing, unreadable, not a regular file, or over `max_file`.
  init(path: String) throws {
    guard !path.utf8.contains(0) else { throw EVSSMError("file.path", "A path holds a NUL character.", category: .usage) }
    let place = EVSSMError.Place(file: path)
    // Not blocking: opening a FIFO without a writer would wait for ever.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.openError(errno, path) }
    do {
      byteCount = try Self.regularSize(descriptor, place)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static func regularSize(_ descriptor: Int32, _ place: EVSSMError.Place) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw EVSSMError("file.status", "The file's size cannot be read: \(reason(errno)).", category: .inputOutput, place: place)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw notRegular(status.st_mode, place) }
    try Limits.check(Int(status.st_size), atMost: Limits.maxFileBytes, name: "max_file", "The file's size", place: place)
    return Int(status.st_size)
  }

  private static func openError(_ code: Int32, _ path: String) -> EVSSMError {
    let place = EVSSMError.Place(file: path)
    var status = stat()
    if code == ENXIO, stat(path, &status) == 0 { return notRegular(status.st_mode, place) }
    if code == ENOENT || code == ENOTDIR {
      return EVSSMError("file.not-found", "There is no such file.", category: .noInput, place: place)
    }
    return EVSSMError("file.open", "The file cannot be opened: \(reason(code)).", category: .noInput, place: place)
  }

  private static func notRegular(_ mode: mode_t, _ place: EVSSMError.Place) -> EVSSMError {
    let kind =
      switch mode & S_IFMT {
      case S_IFDIR: "a directory"
      case S_IFIFO: "a FIFO"
      case S_IFSOCK: "a socket"
      case S_IFCHR, S_IFBLK: "a device"
      default: "not a regular file"
      }
    return EVSSMError("file.not-regular", "This is \(kind); give a regular file.", category: .noInput, place: place)
  }

  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  /// Fills `target` from `offset`. Throws `file.truncated` when the file ends before.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < target.count {
      let got = pread(descriptor, target.baseAddress.map { $0 + done }, target.count - done, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else {
        throw EVSSMError("file.read", "Reading failed: \(Self.reason(errno)).", category: .inputOutput, place: place(offset))
      }
      guard got > 0 else {
        throw EVSSMError(
          "file.truncated", "The file ends inside a part that should be there: it is cut short, or was changed while read.",
          place: place(offset + done))
      }
      done += got
    }
  }

  /// `count` bytes from `offset`. The range must lie inside the file.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    guard offset >= 0, count >= 0, count <= byteCount, offset <= byteCount - count else {
      throw EVSSMError(
        "file.truncated", "\(count) bytes at \(offset) do not lie inside a file of \(byteCount) bytes.", place: place(offset))
    }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
      initialized = count
    }
  }

  func place(_ offset: Int) -> EVSSMError.Place { .init(file: path, byteOffset: UInt64(max(0, offset))) }
}
