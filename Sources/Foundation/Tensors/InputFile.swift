#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A regular file open for reading by offset.
///
/// It is never mapped: a file that another process cuts short gives a typed error, not SIGBUS. FIFOs, devices, sockets
/// and directories are refused without blocking on them.
package final class InputFile: Sendable {
  /// The path as the caller named it, for the place of errors.
  package let path: String
  /// Size when it was opened, in bytes.
  package let byteCount: Int
  /// The open file, for libraries that read by descriptor; it stays this object's to close.
  package let descriptor: Int32

  /// Opens `path`.
  /// - Parameter followsLink: whether a symbolic link as the last part of the path is followed.
  /// - Throws: `file.not-found` (no such input), `file.unreadable`, `file.not-regular`, or `limit.exceeded` when the
  ///   file is
  ///   over `maximum` bytes.
  package init(
    _ path: String, atMost maximum: Int = Limits.maxFileBytes, limitName: String = "max_file", followsLink: Bool = true
  ) throws {
    try checkPath(path)
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLink ? 0 : O_NOFOLLOW)
    let opened = retryingOnInterrupt { open(path, flags) }
    guard opened >= 0 else { throw openError(errno, .init(file: path)) }
    let size: Int
    do {
      size = try Self.regularSize(opened, .init(file: path))
      try Limits.check(
        size, atMost: maximum, name: limitName, "The size of the file in bytes", place: .init(file: path))
    } catch {
      close(opened)
      throw error
    }
    self.path = path
    byteCount = size
    descriptor = opened
  }

  /// Takes over an open descriptor, which is closed when this object goes or when it is refused.
  /// - Parameter path: what errors call the file.
  /// - Throws: `file.not-regular`, or `limit.exceeded` when the file is over `maximum` bytes.
  package init(adopting opened: Int32, path: String, atMost maximum: Int = Limits.maxFileBytes) throws {
    let size: Int
    do {
      size = try Self.regularSize(opened, .init(file: path))
      try Limits.check(
        size, atMost: maximum, name: "max_file", "The size of the file in bytes", place: .init(file: path))
    } catch {
      close(opened)
      throw error
    }
    self.path = path
    byteCount = size
    descriptor = opened
  }

  /// How many names the file has on its disk.
  package var linkCount: Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_nlink) : 0
  }

  deinit { close(descriptor) }

  private static func regularSize(_ descriptor: Int32, _ place: EVSSMError.Place) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw openError(errno, place) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw EVSSMError(
        "file.not-regular", "This is not a regular file. Give the path of a file on disk.", place: place)
    }
    return Int(status.st_size)
  }

  /// Fills `buffer` with the bytes from `offset` on.
  /// - Throws: `file.shrank` when the file ends before the buffer is full, `file.read-failed`.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let got = retryingOnInterrupt {
        pread(descriptor, rest.baseAddress, min(rest.count, 1 << 30), off_t(offset + done))
      }
      if got > 0 { done += got } else { throw readError(got, at: offset + done) }
    }
  }

  /// `count` bytes from `offset` on. Throws `file.truncated` when they do not lie inside the file.
  package func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    guard offset >= 0, count >= 0, count <= byteCount, offset <= byteCount - count else {
      throw EVSSMError(
        "file.truncated", "\(count) bytes at \(offset) do not lie inside a file of \(byteCount) bytes.",
        place: place(offset))
    }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try read(
        at: offset, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
      initialized = count
    }
  }

  /// A byte of this file, as the place of an error.
  package func place(_ offset: Int) -> EVSSMError.Place { .init(file: path, byteOffset: UInt64(max(0, offset))) }

  /// The first bytes of the file, at most `count`: what a format is recognised by.
  package func prefix(_ count: Int) throws -> [UInt8] { try bytes(at: 0, count: min(count, byteCount)) }

  /// The whole file.
  package func allBytes() throws -> [UInt8] { try bytes(at: 0, count: byteCount) }

  /// Throws `file.changed` when the size is no longer the one the file was opened with.
  package func checkUnchanged() throws {
    let place = EVSSMError.Place(file: path)
    if try Self.regularSize(descriptor, place) != byteCount {
      throw EVSSMError("file.changed", "The file changed size while it was read. Read it again.", place: place)
    }
  }

  private func readError(_ result: Int, at offset: Int) -> EVSSMError {
    let place = EVSSMError.Place(file: path, byteOffset: UInt64(offset))
    if result == 0 {
      return EVSSMError("file.shrank", "The file became shorter while it was read. Read it again.", place: place)
    }
    return EVSSMError(
      "file.read-failed", "Reading failed: \(systemMessage(errno)).", category: .inputOutput, place: place)
  }
}

/// Throws `file.bad-path` for paths that the system would cut or cannot hold.
func checkPath(_ path: String) throws {
  if path.isEmpty || path.utf8.contains(0) {
    throw EVSSMError(
      "file.bad-path", "The path is empty or holds a NUL character.", category: .usage, place: .init(file: path))
  }
}

func retryingOnInterrupt<Value: SignedInteger>(_ call: () -> Value) -> Value {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}

func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }

private func openError(_ code: Int32, _ place: EVSSMError.Place) -> EVSSMError {
  switch code {
  case ENOENT, ENOTDIR:
    EVSSMError("file.not-found", "There is no such file.", category: .noInput, place: place)
  case ELOOP:
    EVSSMError("file.symbolic-link", "The path is a symbolic link. Put the file itself there.", place: place)
  case ENXIO, EISDIR:
    EVSSMError("file.not-regular", "This is not a regular file. Give the path of a file on disk.", place: place)
  default:
    EVSSMError(
      "file.unreadable", "The file cannot be opened: \(systemMessage(code)).", category: .noInput, place: place)
  }
}
