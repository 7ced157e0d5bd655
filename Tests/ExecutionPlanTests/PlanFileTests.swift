import Crypto
import Foundation
import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct PlanFileTests {
  @Test func whatIsWrittenIsRead() throws {
    let fixture = try PlanFixture()
    let directory = try TemporaryDirectory()
    let path = directory.path("a.plan")
    let digest = try PlanFile.write(
      fixture.loaded, bindings: fixture.bindings, certificate: fixture.certificate, to: path)
    let loaded = try PlanFile.open(path: path)
    #expect(loaded.plan == fixture.loaded.plan)
    #expect(loaded.bindings == fixture.bindings)
    #expect(loaded.certificate == fixture.certificate)
    #expect(loaded.digest == digest && digest.description.count == 64)
    #expect(loaded.ignoredSections.isEmpty)
    #expect(
      loaded.weights.prefix(loaded.weights.count).elementsEqual(fixture.loaded.weights.prefix(loaded.weights.count)))
    #expect(UInt(bitPattern: loaded.weights.baseAddress) % 4096 == 0)
    #expect(directory.names == ["a.plan"])
    #expect(try loaded.binding(height: 40, width: 56) == fixture.bindings[0])
  }

  @Test func sameInputSameBytes() throws {
    let fixture = try PlanFixture()
    #expect(try fixture.file() == fixture.file())
    #expect(try fixture.file(signingKey: Array(1...32)) == fixture.file(signingKey: Array(1...32)))
  }

  @Test func windowedPlansRoundTrip() throws {
    let (plan, byteCount) = try SyntheticPlan.evssm(dim: 8, blocks: [2, 1, 3], windows: .released)
    let decoded = try plan.encoded().withUnsafeBytes { try Plan(program: $0) }
    #expect(decoded == plan)
    try PlanValidator.validate(decoded, weightsByteCount: byteCount)
  }

  @Test func failedWritesLeaveNothing() throws {
    let fixture = try PlanFixture()
    let directory = try TemporaryDirectory()
    expectError("plan.constant-count") {
      try PlanFile.write(fixture.loaded.plan, to: directory.path("a.plan")) { _ in [1, 2, 3, 4] }
    }
    expectError("file.unwritable") { try PlanFile.write(fixture.loaded, to: directory.path("missing/a.plan")) }
    expectError("plan.signing-key") {
      try PlanFile.write(fixture.loaded, to: directory.path("a.plan"), signingKey: [1])
    }
    #expect(directory.names.isEmpty)
  }

  @Test func plansAreKnownByTheirFirstBytes() throws {
    let file = try PlanFixture().file()
    #expect(PlanFile.canRead(prefix: file.prefix(PlanFile.prefixByteCount)))
    #expect(!PlanFile.canRead(prefix: file.prefix(7)))
    #expect(!PlanFile.canRead(prefix: Array("PK\u{3}\u{4}abcd".utf8)))
  }

  // L01: a flipped byte is always found, for digests cover every byte but the zeroed gaps, and those are checked.
  @Test func everyFlippedByteIsFound() throws {
    let file = try PlanFixture().file()
    let table = SectionTable.byteCount(sections: 4)
    let directory = try TemporaryDirectory()
    for index in Array(0..<table) + Array(stride(from: table, to: file.count, by: max(1, file.count / 64))) {
      var bytes = file
      bytes[index] ^= 0x10
      let path = try directory.write(bytes)
      do {
        _ = try PlanFile.open(path: path)
        Issue.record("byte \(index) was flipped and nothing noticed")
      } catch let error as EVSSMError {
        #expect(error.place.file == path)
      }
    }
  }

  // L02
  @Test func truncationsAreFound() throws {
    let file = try PlanFixture().file()
    let sections = try file.withUnsafeBytes { try SectionTable(parsing: $0).sections }
    var ends = [1, 7, 8, 63, 64, 65, SectionTable.byteCount(sections: 4)]
    for section in sections {
      ends += [section.offset - 1, section.offset, section.offset + 1, section.offset + section.length - 1]
    }
    for end in ends where end < file.count {
      expectError("plan.not-a-plan", "plan.truncated") { _ = try openPlan(Array(file[..<end])) }
    }
    expectError("plan.truncated") { _ = try openPlan(file + [0]) }
  }

  // L03, L04, L05, L26
  @Test func headersOfOtherKindsAreRefused() throws {
    let file = try PlanFixture().file()
    func patched(_ offset: Int, _ bytes: [UInt8]) throws -> [UInt8] {
      var copy = file
      copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      return withHeaderDigest(copy)
    }
    expectError("plan.not-a-plan") { _ = try openPlan(patched(0, [0x88])) }
    for version: [UInt8] in [
      [0, 0, 0, 0], [2, 0, 0, 0], [1, 0, UInt8(SectionTable.minorVersion) + 1, 0], [255, 255, 255, 255],
    ] {
      expectError("plan.version") { _ = try openPlan(patched(8, version)) }
    }
    expectError("plan.endianness") { _ = try openPlan(patched(12, [1, 2, 3, 4])) }
    var many = file
    many.replaceSubrange(16..<20, with: [255, 255, 255, 255])
    expectError("limit.exceeded", limit: "max_plan_sections") { _ = try openPlan(many) }
    expectError("plan.missing-section") { _ = try openPlan(forgedFile([])) }
  }

  @Test(arguments: [0, 1])
  func sizesThatEarlierFormatsPlacedArePlacedAnew(minor: UInt8) throws {
    let fixture = try PlanFixture()
    var file = try fixture.file()
    file.replaceSubrange(10..<12, with: [minor, 0])
    let loaded = try openPlan(withHeaderDigest(file))
    #expect(loaded.bindings.isEmpty)
    #expect(try loaded.binding(height: 40, width: 56) == fixture.bindings[0])
  }

  // L06
  @Test(arguments: [0, 64, 319, 321, 1 << 40, -1, .max])
  func sectionsElsewhereAreRefused(offset: Int) throws {
    let file = try PlanFixture().file()
    for row in 0..<4 {
      var copy = file
      copy.replaceSubrange(
        64 + 64 * row + 8..<64 + 64 * row + 16, with: littleEndian(UInt64(bitPattern: Int64(offset))))
      expectError("plan.section-offset", "size.overflow") { _ = try openPlan(withHeaderDigest(copy)) }
      copy = file
      copy.replaceSubrange(
        64 + 64 * row + 16..<64 + 64 * row + 24, with: littleEndian(UInt64(bitPattern: Int64(offset))))
      expectError(
        "plan.section-offset", "plan.section-bounds", "size.overflow", "plan.trailing-bytes", "plan.padding",
        "plan.digest-mismatch"
      ) { _ = try openPlan(withHeaderDigest(copy)) }
    }
  }

  // L21
  @Test func aWrongDigestOfRightContentIsRefused() throws {
    var file = try PlanFixture().file()
    file[64 + 32] ^= 1
    expectError("plan.digest-mismatch") { _ = try openPlan(withHeaderDigest(file)) }
  }

  // L22
  @Test func signaturesAreChecked() throws {
    let fixture = try PlanFixture()
    let key = Curve25519.Signing.PrivateKey()
    let trusted = Array(key.publicKey.rawRepresentation)
    let signed = try fixture.file(signingKey: Array(key.rawRepresentation))
    #expect(try openPlan(signed, trustedKey: trusted).plan == fixture.loaded.plan)
    #expect(try openPlan(signed).digest == openPlan(fixture.file()).digest)
    expectError("plan.signature-missing") { _ = try openPlan(fixture.file(), trustedKey: trusted) }
    let other = Array(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
    expectError("plan.signature-key") { _ = try openPlan(signed, trustedKey: other) }
    expectError("plan.trusted-key") { _ = try openPlan(signed, trustedKey: [1, 2]) }
    let parts = try signed.withUnsafeBytes { file in
      try SectionTable(parsing: file).sections.map {
        (kind: $0.kind, bytes: Array(file[$0.offset..<$0.offset + $0.length]))
      }
    }
    let withoutCertificate = forgedFile(parts.filter { $0.kind != SectionKind.certificate.rawValue })
    expectError("plan.signature-invalid") { _ = try openPlan(withoutCertificate, trustedKey: trusted) }
  }

  // L24
  @Test func onlyRegularFilesAreOpened() throws {
    let directory = try TemporaryDirectory()
    expectError("plan.empty") { _ = try PlanFile.open(path: directory.write([])) }
    expectError("plan.not-a-file") { _ = try PlanFile.open(path: directory.url.path) }
    expectError("plan.no-such-file") { _ = try PlanFile.open(path: directory.path("none")) }
    expectError("plan.no-such-file") { _ = try PlanFile.open(path: "a\0b") }
    expectError("plan.not-a-file") { _ = try PlanFile.open(path: "/dev/zero") }
    let fifo = directory.path("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    expectError("plan.not-a-file") { _ = try PlanFile.open(path: fifo) }
  }

  // L24: a sparse file of 1 TiB, whose header may even say so.
  @Test func hugeSparseFilesAreRefusedUnread() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(try PlanFixture().file(), "sparse")
    guard truncate(path, 1 << 40) == 0 else { return }
    expectError("limit.exceeded", limit: "max_file") { _ = try PlanFile.open(path: path) }
  }

  // L27
  @Test func foreignSectionsAreIgnoredAndReported() throws {
    let fixture = try PlanFixture()
    let elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46] + [UInt8](repeating: 1, count: 500)
    let file = forgedFile([
      (1, fixture.loaded.plan.encoded()), (99, elf), (2, Array(fixture.loaded.weights)),
    ])
    let loaded = try openPlan(file)
    #expect(loaded.ignoredSections == [IgnoredSection(kind: 99, byteCount: 504)])
    #expect(loaded.plan == fixture.loaded.plan)
    expectError("plan.duplicate-section") {
      _ = try openPlan(forgedFile([(1, fixture.loaded.plan.encoded()), (1, []), (2, Array(fixture.loaded.weights))]))
    }
  }

  // L23: another file renamed over the path does not touch what is mapped.
  @Test func replacedFilesStayMapped() throws {
    let fixture = try PlanFixture()
    let directory = try TemporaryDirectory()
    let path = try directory.write(fixture.file())
    let loaded = try PlanFile.open(path: path)
    let before = Array(loaded.weights)
    #expect(rename(try directory.write([1, 2, 3], "other"), path) == 0)
    #expect(Array(loaded.weights) == before)
  }
}
