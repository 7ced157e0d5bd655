import Tensors
import TestSupport
import Testing

@testable import SafetensorsFormat

/// Entry S26 of the catalogue of hostile inputs, and what a directory of shards must do when all is well.
@Suite struct ShardedIndexTests {
  /// A directory with tensors `a` and `b` (16 bytes each) in `1.safetensors` and `2.safetensors`.
  private func shards() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    _ = try directory.file("1.safetensors", file(entry("a")))
    _ = try directory.file("2.safetensors", file(entry("b")))
    return directory
  }

  private func map(_ pairs: KeyValuePairs<String, String>, totalSize: String = "32", more: String = "") -> String {
    let members = pairs.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
    return "{\"metadata\":{\"total_size\":\(totalSize)\(more)},\"weight_map\":{\(members)}}"
  }

  private func read(_ directory: TemporaryDirectory, _ index: String) throws -> SafetensorsFile {
    let path = try directory.file("model.safetensors.index.json", Array(index.utf8))
    return try onSmallStack { try SafetensorsFile.read(path: path) }
  }

  private let good: KeyValuePairs = ["b": "2.safetensors", "a": "1.safetensors"]

  @Test func loadsAllShards() throws {
    let file = try read(shards(), map(good, more: ",\"total_parameters\":8.0,\"by\":\"x\""))
    #expect(file.catalogue.names == ["b", "a"])
    #expect(file.report.fileCount == 2 && file.report.dataByteCount == 32)
  }

  @Test func S26_shardNames() throws {
    let directory = try shards()
    for name in [
      "../1.safetensors", "/etc/1.safetensors", "x/1.safetensors", ".1.safetensors", "", "1.bin", "1\\n.safetensors",
    ] {
      let index = map(["b": "2.safetensors", "a": name])
      expectRefusal("S26 \(name)", "safetensors.shard-name") { _ = try read(directory, index) }
    }
    expectRefusal("S26 missing", "file.not-found") { _ = try read(directory, map(["a": "3.safetensors"])) }
  }

  @Test func S26_tensorsAndShardsDisagree() throws {
    let directory = try shards()
    let refuse = { (label: String, index: String, code: String) in
      expectRefusal("S26 \(label)", code) { _ = try read(directory, index) }
    }
    refuse("in two shards by the map", map(["a": "1.safetensors", "a": "2.safetensors"]), "safetensors.duplicate-name")
    refuse("wrong shard", map(["a": "2.safetensors", "b": "1.safetensors"]), "safetensors.shard-mismatch")
    refuse("not in the map", map(["a": "1.safetensors", "c": "2.safetensors"]), "safetensors.shard-mismatch")
    refuse(
      "missing tensor", map(["a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"]),
      "safetensors.missing-tensor")
    _ = try directory.file("2.safetensors", file(entry("b") + "," + entry("a", offsets: "[16,32]"), data: 32))
    refuse("in two shards by the files", map(good, totalSize: "48"), "safetensors.shard-mismatch")
  }

  @Test func S26_sizes() throws {
    let directory = try shards()
    for size in ["31", "33", "0"] {
      expectRefusal("S26 \(size)", "safetensors.total-size") { _ = try read(directory, map(good, totalSize: size)) }
    }
    for size in ["-1", "32.5", "\"32\"", "[]"] {
      expectRefusal("S26 \(size)", "json.syntax") { _ = try read(directory, map(good, totalSize: size)) }
    }
  }

  @Test func malformedIndexes() throws {
    let directory = try shards()
    for (index, code) in [
      ("{}", "safetensors.index"), ("{\"weight_map\":[]}", "json.syntax"), ("{\"x\":1}", "safetensors.index"),
      ("{\"weight_map\":{},\"weight_map\":{}}", "safetensors.duplicate-name"),
      ("{\"metadata\":{\"a\":{}}}", "json.syntax"), ("{\"weight_map\":{}", "json.syntax"),
      (map(["../a": "1.safetensors"]), "tensor-name.unsafe"),
    ] { expectRefusal(index, code) { _ = try read(directory, index) } }
  }
}
