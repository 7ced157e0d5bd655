/// A secret that requests must carry.
package enum BearerToken {
  /// Whether a header's bytes are `Bearer ` and the token, in time that does not depend on where they differ.
  package static func matches(_ header: some Collection<UInt8>, _ token: String) -> Bool {
    let expected = Array("Bearer \(token)".utf8)
    guard header.count == expected.count else { return false }
    return zip(header, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
