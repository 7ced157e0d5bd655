import CZlib
import InferenceServer

extension ContentEncoding {
  /// zlib's window bits, which say the format as well; nil for none.
  var windowBits: Int32? {
    switch self {
    case .identity: nil
    case .gzip: 15 + 16
    case .deflate: 15
    }
  }
}

/// Decompresses one gzip or zlib stream in bounds.
final class Inflater {
  private var stream = z_stream()
  private var isDone = false

  init(_ encoding: ContentEncoding) throws {
    guard evssm_inflate_init(&stream, encoding.windowBits ?? 15) == Z_OK else {
      throw ServingError(.internal, "zlib does not start.")
    }
  }

  deinit { inflateEnd(&stream) }

  /// Appends what `input` gives to `output`.
  ///
  /// Throws `tooLarge` when `output` would have over `limit` bytes, `invalid` for a damaged stream or bytes after it.
  func inflate(
    _ input: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int, _ reserve: (Int) throws -> Void
  ) throws {
    guard !input.isEmpty else { return }
    guard !isDone else { throw ServingError(.invalid, "Bytes follow the compressed body.") }
    stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(input.count)
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 << 10) { buffer in
      repeat {
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(buffer.count)
        let status = CZlib.inflate(&stream, Z_NO_FLUSH)
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
          throw ServingError(.invalid, "The compressed body is damaged.")
        }
        let made = buffer.count - Int(stream.avail_out)
        try BodyReader.check(output.count + made, limit: limit)
        try reserve(made)
        output.append(contentsOf: buffer[..<made])
        isDone = status == Z_STREAM_END
      } while !isDone && stream.avail_out == 0
    }
    if isDone, stream.avail_in > 0 { throw ServingError(.invalid, "Bytes follow the compressed body.") }
  }

  /// Throws `invalid` if the stream did not end.
  func finish() throws { if !isDone { throw ServingError(.invalid, "The compressed body is cut short.") } }
}

/// Compresses answers that are text.
enum Deflater {
  /// `bytes` as one gzip or zlib stream at the fastest level; nil when zlib fails.
  static func compress(_ bytes: [UInt8], _ encoding: ContentEncoding) -> [UInt8]? {
    guard let windowBits = encoding.windowBits else { return bytes }
    var stream = z_stream()
    guard evssm_deflate_init(&stream, 1, windowBits) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    let capacity = Int(deflateBound(&stream, UInt(bytes.count)))
    return bytes.withUnsafeBufferPointer { input in
      stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      stream.avail_in = UInt32(input.count)
      var isComplete = false
      let out = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(capacity)
        isComplete = deflate(&stream, Z_FINISH) == Z_STREAM_END
        count = isComplete ? capacity - Int(stream.avail_out) : 0
      }
      return isComplete ? out : nil
    }
  }
}
