import Tensors

/// Plan files: a plan, its packed weights, bindings and a certificate as sections with digests. Format:
/// `docs/plan-format.md`.
public enum PlanFile {
  /// Bytes that ``canRead(prefix:)`` needs.
  package static let prefixByteCount = 8

  /// Whether a file that starts with `prefix` is a plan file, of any version.
  package static func canRead(prefix: some Collection<UInt8>) -> Bool { SectionTable.hasMagic(prefix) }
}

/// A section of a kind that this version does not know, which was not read.
package struct IgnoredSection: Sendable, Hashable {
  package let kind: UInt32
  package let byteCount: Int
}
