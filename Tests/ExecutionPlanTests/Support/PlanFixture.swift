import Crypto
import Foundation
import Tensors
import Testing

@testable import ExecutionPlan

/// A directory of its own for one test, removed when the test ends.
final class TemporaryDirectory {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("plan-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  func write(_ bytes: [UInt8], _ name: String = "test.plan") throws -> String {
    try Data(bytes).write(to: url.appendingPathComponent(name))
    return path(name)
  }
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path).sorted()) ?? [] }
}

/// A small plan with weights, a binding and a certificate, and its file.
struct PlanFixture {
  let loaded: LoadedPlan
  let bindings: [BoundPlan]
  let certificate: Certificate

  init() throws {
    let (plan, byteCount) = try SyntheticPlan.evssm(dim: 4)
    loaded = try LoadedPlan(plan: plan, weights: SyntheticPlan.weights(byteCount: byteCount))
    bindings = [try plan.bind(height: 40, width: 56)]
    let output = ProbePicture.planes(seed: 3, height: 20, width: 24)
    certificate = try Certificate(height: 20, width: 24, seed: 9, output: output, tolerance: 1e-5)
  }

  func file(signingKey: [UInt8]? = nil) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let path = directory.path("a.plan")
    try PlanFile.write(loaded, bindings: bindings, certificate: certificate, to: path, signingKey: signingKey)
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

/// A file made of any sections, with every digest right: what someone can make who has no key but knows the format.
func forgedFile(_ sections: [(kind: UInt32, bytes: [UInt8])]) -> [UInt8] {
  var entries: [SectionEntry] = []
  var body: [UInt8] = []
  let start = SectionTable.byteCount(sections: sections.count)
  for (kind, bytes) in sections {
    let alignment = SectionKind(rawValue: kind)?.alignment ?? 64
    let offset = (start + body.count + alignment - 1) / alignment * alignment
    body += [UInt8](repeating: 0, count: offset - start - body.count) + bytes
    let digest = bytes.withUnsafeBytes { TreeDigest.digest($0) }
    entries.append(SectionEntry(kind: kind, offset: offset, length: bytes.count, digest: digest))
  }
  return SectionTable(sections: entries, fileByteCount: start + body.count).encoded() + body
}

/// The file with its header's digest made right again.
func withHeaderDigest(_ file: [UInt8]) -> [UInt8] {
  var file = file
  let count = file[16..<20].reversed().reduce(0) { $0 << 8 | Int($1) }
  let end = min(SectionTable.headerByteCount + count * SectionEntry.byteCount, file.count)
  file.replaceSubrange(32..<64, with: Array(SHA256.hash(data: file[..<32] + file[64..<max(end, 64)])))
  return file
}

/// Opens `bytes` as a plan file on a thread with a stack of 512 KiB. Throws what opening throws.
func openPlan(_ bytes: [UInt8], trustedKey: [UInt8]? = nil) throws -> LoadedPlan {
  let directory = try TemporaryDirectory()
  let path = try directory.write(bytes)
  let result = try onSmallStack { Result { try PlanFile.open(path: path, trustedKey: trustedKey) } }
  #expect(directory.names == ["test.plan"])
  return try result.get()
}

func onSmallStack<Value: Sendable>(_ body: @escaping @Sendable () -> Value) throws -> Value {
  let box = ResultBox<Value>()
  let done = DispatchSemaphore(value: 0)
  let thread = Thread {
    box.value = body()
    done.signal()
  }
  thread.stackSize = 512 << 10
  thread.start()
  done.wait()
  return try #require(box.value)
}

/// Written by one thread before another is let go.
private final class ResultBox<Value>: @unchecked Sendable { var value: Value? }
