import Foundation
import Tensors
import TestSupport
import Testing

@testable import SafetensorsFormat

/// Paths that are not plain files, and files that change while they are read.
@Suite struct InputFileTests {
  @Test func onlyRegularFiles() throws {
    let directory = try TemporaryDirectory()
    let fifo = directory.path("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    for path in [fifo, directory.path, "/dev/zero", "/dev/null"] {
      expectRefusal(path, "file.not-regular") { _ = try SafetensorsFile.read(path: path) }
    }
    expectRefusal("missing", "file.not-found") { _ = try SafetensorsFile.read(path: directory.path("none")) }
    expectRefusal("NUL", "file.bad-path") { _ = try SafetensorsFile.read(path: "a\0b") }
    expectRefusal("empty", "file.bad-path") { _ = try SafetensorsFile.read(path: "") }
  }

  @Test func aShrinkingFileIsAnError() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("a", [UInt8](repeating: 1, count: 100_000))
    let file = try InputFile(path)
    #expect(truncate(path, 10) == 0)
    var thrown: EVSSMError?
    do { _ = try file.allBytes() } catch let error as EVSSMError { thrown = error }
    #expect(thrown?.code == "file.shrank")
    do { try file.checkUnchanged() } catch let error as EVSSMError { thrown = error }
    #expect(thrown?.code == "file.changed")
  }

  @Test func aLinkedShardIsRefused() throws {
    let directory = try TemporaryDirectory()
    let target = try directory.file("target", file(entry()))
    #expect(symlink(target, directory.path("1.safetensors")) == 0)
    let index = try directory.file("i.json", Array("{\"weight_map\":{\"a\":\"1.safetensors\"}}".utf8))
    expectRefusal("link", "file.symbolic-link") { _ = try SafetensorsFile.read(path: index) }
  }

  @Test func oversizedFilesAreRefusedUnread() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("sparse", [])
    #expect(truncate(path, 1 << 40) == 0)
    expectRefusal("1 TiB", "limit.exceeded", limit: "max_file") { _ = try SafetensorsFile.read(path: path) }
  }
}
