#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file that appears under its name only when it is complete: written beside it under another name, then renamed.
///
/// A value that is dropped before ``commit()`` leaves nothing behind.
package struct OutputFile: ~Copyable {
  /// The path the file will have.
  package let path: String
  private let temporary: String
  private let descriptor: Int32
  private var isCommitted = false

  /// Opens a new file in the directory of `path`.
  /// - Throws: `file.unwritable` when that is not possible or `path` is something other than a regular file.
  package init(_ path: String) throws {
    try checkPath(path)
    try Self.checkTarget(path)
    let name = "\(path).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"
    let opened = retryingOnInterrupt { open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666) }
    guard opened >= 0 else { throw writeError(path) }
    self.path = path
    temporary = name
    descriptor = opened
  }

  deinit {
    close(descriptor)
    if !isCommitted { unlink(temporary) }
  }

  private static func checkTarget(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
    throw EVSSMError(
      "file.unwritable", "The output path is taken by something that is not a regular file. Choose another path.",
      category: .usage, place: .init(file: path))
  }

  /// Appends `bytes`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let wrote = retryingOnInterrupt { systemWrite(descriptor, rest.baseAddress, min(rest.count, 1 << 30)) }
      guard wrote > 0 else { throw writeError(path) }
      done += wrote
    }
  }

  /// Appends `bytes`.
  package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Makes the file `byteCount` bytes long; bytes that nothing is written to are zeros.
  package func setLength(_ byteCount: Int) throws {
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw writeError(path) }
  }

  /// Writes `bytes` at `offset`, counted from the start of the file. Where ``write(_:)`` appends stays as it is.
  package func write(_ bytes: [UInt8], at offset: Int) throws {
    try bytes.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let wrote = retryingOnInterrupt {
          pwrite(descriptor, rest.baseAddress, min(rest.count, 1 << 30), off_t(offset + done))
        }
        guard wrote > 0 else { throw writeError(path) }
        done += wrote
      }
    }
  }

  /// Calls `body` with the first `count` bytes of what was written, mapped rather than read.
  package func withWrittenBytes<Result>(count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
  {
    guard let memory = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
      throw writeError(path)
    }
    defer { munmap(memory, count) }
    return try body(UnsafeRawBufferPointer(start: memory, count: count))
  }

  /// Makes the file durable and gives it its name, replacing a file that has it.
  package consuming func commit() throws {
    guard fsync(descriptor) == 0, rename(temporary, path) == 0 else { throw writeError(path) }
    isCommitted = true
  }

  /// Writes a whole file at once.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try OutputFile(path)
    try file.write(bytes)
    try file.commit()
  }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

private func writeError(_ path: String) -> EVSSMError {
  EVSSMError(
    "file.unwritable", "The file cannot be written: \(systemMessage(errno)).", category: .inputOutput,
    place: .init(file: path))
}
