import Foundation
import OnnxFormat
import TestSupport
import Testing

/// Group O of the catalogue: what must be refused, by a typed error, on a small stack, with nothing left behind.
@Suite struct HostileTests {
  @Test(arguments: WireCases.bytes) func bytes(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: WireCases.depths) func depths(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: WireCases.amounts) func amounts(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: GraphCases.tensors) func tensors(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: GraphCases.names) func names(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: GraphCases.convolutions) func convolutions(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: GraphCases.operators) func operators(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: GraphCases.bombs) func bombs(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: GraphCases.functions) func functions(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: ExternalCases.locations) func locations(_ entry: OnnxCase) { entry.check() }
  @Test(arguments: ExternalCases.ranges) func ranges(_ entry: OnnxCase) { entry.check() }

  @Test("O03 truncated at every 1/64") func truncated() {
    let good = OnnxBuilder.node("Add", [.floats("w", [4, 1, 1], 1)])
    for part in 0..<64 {
      let bytes = Array(good.prefix(good.count * part / 64))
      #expect(throws: (any Error).self, "\(part)/64") { try OnnxContract.imported(bytes) }
    }
  }

  @Test("O42 a FIFO, a folder, links") func otherFiles() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.file("model.onnx", ExternalCases.model([("location", "w.bin")]))
    let data = folder.path("w.bin")
    let other = try TemporaryDirectory()
    let outside = try other.file("w.bin", [UInt8](repeating: 0, count: 24))
    func refused(_ label: String, _ code: String) throws {
      expectRefusal(label, code) { _ = try onSmallStack { try OnnxModel(path: path).imported() } }
      try FileManager.default.removeItem(atPath: data)
    }
    #expect(mkfifo(data, 0o600) == 0)
    try refused("FIFO", "file.not-regular")
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    try refused("folder", "file.not-regular")
    #expect(symlink(outside, data) == 0)
    #expect(try OnnxModel(path: path).imported(.init(followsLinks: true)).graph.nodes.count == 1)
    try refused("symbolic link", "onnx.external-link")
    #expect(link(outside, data) == 0)
    #expect(try OnnxModel(path: path).imported(.init(followsLinks: true)).graph.nodes.count == 1)
    try refused("hard link", "onnx.external-link")
  }

  @Test("O42 a folder that is a link") func linkedFolder() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.file("model.onnx", ExternalCases.model([("location", "data/w.bin")]))
    let other = try TemporaryDirectory()
    _ = try other.file("w.bin", [UInt8](repeating: 0, count: 24))
    #expect(symlink(other.path, folder.path("data")) == 0)
    expectRefusal("linked folder", "onnx.external-link") { _ = try OnnxModel(path: path).imported() }
  }

  @Test("O46 external data in an attribute, beside a sparse tensor, in a graph")
  func externalElsewhere() {
    let tensor = TensorBuilder(external: [("location", "../w.bin")])
    let constant = [UInt8].node("Constant", [], ["c"], [.tensor("value", tensor)])
    OnnxContract.expectRefusal(
      "O46 attribute", OnnxBuilder.changed { $0.graph.nodes.append(constant) }, "onnx.external-location")
    OnnxContract.expectRefusal(
      "O46 sparse",
      OnnxBuilder.changed {
        $0.graph.sparse = [.field(1, 2, .varint(UInt64(tensor.build().count)) + tensor.build()) + [0x12, 0]]
      },
      "onnx.external-location")
    var branch = GraphBuilder()
    branch.nodes = [constant]
    branch.outputs = [.value("c", nil)]
    OnnxContract.expectRefusal(
      "O46 graph",
      OnnxBuilder.changed {
        $0.graph.inputs.append(.value("b", [], type: 9))
        $0.graph.nodes.append(
          .node("If", ["b"], ["z"], [.graph("then_branch", branch), .graph("else_branch", branch)]))
      }, "onnx.external-location")
    OnnxContract.expectRefusal(
      "O46 function",
      OnnxBuilder.changed {
        $0.opsets.append(("local", 1))
        $0.functions = [.function("f", ["a"], ["c"], [constant])]
        $0.graph.nodes.append(.node("f", ["x"], ["z"], domain: "local"))
      }, "onnx.external-location")
  }
}
