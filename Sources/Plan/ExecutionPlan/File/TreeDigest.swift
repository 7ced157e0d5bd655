import Crypto
import Dispatch

/// SHA-256 over the SHA-256 digests of chunks of 1 MiB, so that all processors share the work.
enum TreeDigest {
  static let chunkBytes = 1 << 20

  /// - Complexity: O(bytes), on all processors.
  static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let count = (bytes.count + chunkBytes - 1) / chunkBytes
    let digests = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 * count, alignment: 8)
    defer { digests.deallocate() }
    // Each iteration writes its own 32 bytes.
    nonisolated(unsafe) let (source, target) = (bytes, digests)
    DispatchQueue.concurrentPerform(iterations: count) { chunk in
      let start = chunk * chunkBytes
      let end = min(start + chunkBytes, source.count)
      let digest = SHA256.hash(data: UnsafeRawBufferPointer(rebasing: source[start..<end]))
      digest.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[(32 * chunk)...]).copyMemory(from: $0) }
    }
    return Array(SHA256.hash(data: UnsafeRawBufferPointer(digests)))
  }
}
