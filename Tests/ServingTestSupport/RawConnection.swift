import Foundation

/// One TCP connection to a server on this machine: sends bytes as they are given, well-formed or not.
///
/// Its calls block, so they run on threads of their own, not on those of Swift's tasks.
package enum RawConnection {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// Sends `bytes` in pieces and gives everything that comes until the server closes its side.
  ///
  /// - Parameters:
  ///   - pieces: what to send, one write each.
  ///   - closes: whether to close this side after the last piece.
  /// - Throws: ``Failure`` when nothing listens, or the server is silent for a minute.
  package static func exchange(port: Int, _ pieces: [[UInt8]], closes: Bool = false) async throws -> [UInt8] {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Result { try blockingExchange(port, pieces, closes) })
      }
    }
  }

  private static func blockingExchange(_ port: Int, _ pieces: [[UInt8]], _ closes: Bool) throws -> [UInt8] {
    let descriptor = try connected(port)
    defer { close(descriptor) }
    for piece in pieces {
      var sent = 0
      while sent < piece.count {
        let count = piece[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        // The server may have answered and closed: what it said is still to be read.
        if count <= 0 { break }
        sent += count
      }
    }
    if closes { shutdown(descriptor, Int32(SHUT_WR)) }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EAGAIN {
        throw Failure(description: "no answer for a minute; so far \(answer.count) bytes")
      }
      if count <= 0 { return answer }
      answer += buffer[..<count]
    }
  }

  private static func connected(_ port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      close(descriptor)
      throw Failure(description: "nothing listens at port \(port)")
    }
    return descriptor
  }
}
