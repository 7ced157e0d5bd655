import Crypto
import FoundationEssentials
import Tensors

/// An Ed25519 signature (RFC 8032) of a plan's digest: the signer's public key (32 bytes), then the signature (64
/// bytes).
enum PlanSignature {
  static let byteCount = 96

  private static func message(_ digest: PlanDigest) -> Data { Data(Array("evssm plan signature".utf8) + digest.bytes) }

  static func sign(_ digest: PlanDigest, with key: [UInt8]) throws -> [UInt8] {
    do {
      let key = try Curve25519.Signing.PrivateKey(rawRepresentation: key)
      return Array(key.publicKey.rawRepresentation) + Array(try key.signature(for: message(digest)))
    } catch {
      throw EVSSMError("plan.signing-key", "The signing key is not an Ed25519 key of 32 bytes.", category: .usage)
    }
  }

  /// Throws unless `section` is the signature of `digest` by the owner of `trustedKey`.
  static func verify(_ section: UnsafeRawBufferPointer?, of digest: PlanDigest, trustedKey: [UInt8]) throws {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: trustedKey) else {
      throw EVSSMError(
        "plan.trusted-key", "The trusted key is not an Ed25519 public key of 32 bytes.", category: .usage)
    }
    guard let section else {
      throw EVSSMError(
        "plan.signature-missing", "The plan is not signed, but a trusted key is set. Sign it when compiling.")
    }
    guard section.count == byteCount else {
      throw EVSSMError("plan.signature-invalid", "The signature section has \(section.count) bytes, not \(byteCount).")
    }
    guard section.prefix(32).elementsEqual(trustedKey) else {
      throw EVSSMError("plan.signature-key", "The plan is signed with another key than the trusted one.")
    }
    guard key.isValidSignature(Data(section.dropFirst(32)), for: message(digest)) else {
      throw EVSSMError(
        "plan.signature-invalid", "The signature is not this plan's: the file was changed after signing.")
    }
  }
}
