import Foundation

/// An answer of an HTTP/1.1 server, as it came.
package struct HTTPAnswer: Sendable {
  package var status: Int
  /// By name in small letters; the last of a name counts.
  package var headers: [String: String]
  package var body: [UInt8]

  package var text: String { String(decoding: body, as: UTF8.self) }

  /// All answers in what a connection gave.
  ///
  /// - Parameter hasBodies: false for answers to HEAD.
  package static func all(_ bytes: [UInt8], hasBodies: Bool = true) throws -> [HTTPAnswer] {
    var answers: [HTTPAnswer] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else {
        throw RawConnection.Failure(description: "half an answer: \(String(decoding: rest, as: UTF8.self))")
      }
      let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      let words = lines[0].split(separator: " ")
      guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
        throw RawConnection.Failure(description: "no status line: \(lines[0])")
      }
      var headers: [String: String] = [:]
      for line in lines.dropFirst() {
        let pair = line.split(separator: ":", maxSplits: 1).map(String.init)
        if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces) }
      }
      rest = rest[end.upperBound...]
      let count = status == 100 || !hasBodies ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
      guard count <= rest.count else {
        throw RawConnection.Failure(description: "\(rest.count) of \(count) bytes of a body")
      }
      answers.append(HTTPAnswer(status: status, headers: headers, body: Array(rest.prefix(count))))
      rest = rest.dropFirst(count)
    }
    return answers
  }

  package func json() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(body))
    guard let object = object as? [String: Any] else { throw RawConnection.Failure(description: "no object: \(text)") }
    return object
  }
}

/// The bytes of an HTTP/1.1 request; `Content-Length` is added where there is a body and no other length.
package func httpRequest(
  _ method: String, _ path: String, headers: [String] = [], body: [UInt8]? = nil, closes: Bool = true
) -> [UInt8] {
  var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"] + headers
  let isMeasured = headers.contains {
    let name = $0.lowercased()
    return name.hasPrefix("content-length:") || name.hasPrefix("transfer-encoding:")
  }
  if let body, !isMeasured { lines.append("Content-Length: \(body.count)") }
  if closes { lines.append("Connection: close") }
  return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
}

/// Sends one request on a connection of its own.
package func httpExchange(
  port: Int, _ method: String, _ path: String, headers: [String] = [], body: [UInt8]? = nil
) async throws -> HTTPAnswer {
  let bytes = try await RawConnection.exchange(port: port, [httpRequest(method, path, headers: headers, body: body)])
  let answers = try HTTPAnswer.all(bytes, hasBodies: method != "HEAD")
  guard let last = answers.last else { throw RawConnection.Failure(description: "no answer to \(method) \(path)") }
  return last
}
