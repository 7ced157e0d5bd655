import Crypto

/// The identity of a plan file's content: SHA-256 over the kinds, lengths and digests of all sections but the
/// signature.
package struct PlanDigest: Sendable, Hashable, CustomStringConvertible {
  /// 32 bytes.
  package let bytes: [UInt8]

  /// Lower-case hexadecimal.
  package var description: String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  init(_ sections: [SectionEntry]) {
    var hash = SHA256()
    hash.update(data: Array("evssm plan".utf8))
    for section in sections where section.kind != SectionKind.signature.rawValue {
      let row = section.encoded()
      hash.update(data: row.dropFirst(16))
      hash.update(data: row.prefix(4))
    }
    bytes = Array(hash.finalize())
  }
}
