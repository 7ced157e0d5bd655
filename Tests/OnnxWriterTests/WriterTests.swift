import EVSSMModel
import Foundation
import GraphIR
import TestSupport
import Tensors
import Testing

@testable import OnnxWriter

/// The structure of what is written; tools/checks/onnx-writer has other programs check and run it.
@Suite struct OnnxWriterTests {
  static func graph(windows: WindowMode = .released, sides: [Int] = [24, 12, 6]) throws -> Graph {
    let architecture = SeededWeights.architecture(dim: 4, blocks: [1, 2, 1])
    let catalogue = try SeededWeights.catalogue(architecture, seed: 1)
    return try EVSSMModel.graph(catalogue, architecture, windows: windows, windowSides: sides)
  }

  static let options: [OnnxWriter.Options] = [
    .init(), .init(opset: 17, scanForm: .function), .init(sizes: ["H": 45, "W": 30]),
    .init(opset: 28, scanForm: .function, sizes: ["H": 20, "W": 52]),
  ]

  private static func names(_ graph: OnnxGraph) -> [String] {
    graph.nodes.flatMap { node in node.outputs + node.bodies.flatMap { $0.inputs.map(\.name) + names($0) } }
  }

  /// Every value is defined once, before its uses, and bodies see what is around them.
  private static func expectDefined(_ graph: OnnxGraph, _ outer: Set<String>) {
    var known = outer.union(graph.inputs.map(\.name)).union(graph.initializers.map(\.name))
    for node in graph.nodes {
      for input in node.inputs where !input.isEmpty { #expect(known.contains(input), "\(node.name) reads \(input)") }
      for body in node.bodies { expectDefined(body, known) }
      known.formUnion(node.outputs)
    }
    for output in graph.outputs { #expect(known.contains(output.name)) }
  }

  @Test(arguments: options.indices) func everyValueIsDefinedOnceAndBeforeItIsUsed(_ index: Int) throws {
    let document = try OnnxWriter.document(try Self.graph(), Self.options[index])
    Self.expectDefined(document.graph, [])
    for function in document.functions {
      Self.expectDefined(OnnxGraph(name: "", nodes: function.nodes), Set(function.inputs))
    }
    let all = document.graph.inputs.map(\.name) + document.graph.initializers.map(\.name) + Self.names(document.graph)
    #expect(Set(all).count == all.count)
    #expect(Set(document.graph.nodes.map(\.name)).count == document.graph.nodes.count)
  }

  @Test func weightsKeepTheirNamesAndValues() throws {
    let architecture = SeededWeights.architecture(dim: 4, blocks: [1, 2, 1])
    let catalogue = try SeededWeights.catalogue(architecture, seed: 1)
    let document = try OnnxWriter.document(try Self.graph(), .init())
    for name in catalogue.names where !name.hasSuffix("ffn.fft") {
      let written = document.graph.initializers.first { $0.name == name }
      #expect(written?.tensor.floats() == catalogue[name]?.floats(), "\(name)")
    }
  }

  @Test func aModelForAnySizeHasNamedSizesAndLoopsOverItsWindows() throws {
    let document = try OnnxWriter.document(try Self.graph(), .init())
    let shape: [OnnxDimension] = [.known(1), .known(3), .symbol("H"), .symbol("W")]
    #expect(document.graph.inputs == [OnnxValue(name: "picture", dtype: .float32, shape: shape)])
    #expect(document.graph.outputs == [OnnxValue(name: "restored", dtype: .float32, shape: shape)])
    #expect(document.graph.nodes.filter { $0.op == "Loop" }.count == 8)
    #expect(document.graph.nodes.allSatisfy { $0.op != "Scan" })
  }

  @Test func aModelForOneSizeComputesNoSizes() throws {
    let document = try OnnxWriter.document(try Self.graph(), .init(sizes: ["H": 48, "W": 32]))
    let types = Set(document.graph.nodes.map(\.op))
    #expect(types.isDisjoint(with: ["Loop", "Concat", "Mod"]))
    // Two windows of 24 rows in two columns at every level.
    #expect(document.graph.nodes.filter { $0.op == "Scan" }.count == 8 * 4)
  }

  @Test func theScanIsAFunctionWhenAskedFor() throws {
    let document = try OnnxWriter.document(try Self.graph(windows: .whole), .init(scanForm: .function))
    #expect(document.functions.map(\.name) == ["SelectiveScan"])
    #expect(document.graph.nodes.filter { $0.domain == "evssm" && $0.op == "SelectiveScan" }.count == 8)
    #expect(document.graph.nodes.allSatisfy { $0.op != "Scan" })
    #expect(document.functions.first?.nodes.filter { $0.op == "Scan" }.count == 1)
  }

  @Test func geluIsOneOperatorWhereThereIsOne() throws {
    let old = try OnnxWriter.document(try Self.graph(windows: .whole), .init(opset: 19))
    let new = try OnnxWriter.document(try Self.graph(windows: .whole), .init(opset: 20))
    #expect(old.graph.nodes.allSatisfy { $0.op != "Gelu" } && old.graph.nodes.contains { $0.op == "Erf" })
    #expect(new.graph.nodes.contains { $0.op == "Gelu" } && new.graph.nodes.allSatisfy { $0.op != "Erf" })
  }

  @Test func theSameCallWritesTheSameBytes() throws {
    let directory = try TemporaryDirectory()
    let (first, second) = (directory.path("a.onnx"), directory.path("b.onnx"))
    let report = try OnnxWriter.write(try Self.graph(), to: first)
    _ = try OnnxWriter.write(try Self.graph(), to: second)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: first))
    #expect(try bytes == Data(contentsOf: URL(fileURLWithPath: second)))
    #expect(bytes.count == report.byteCount && report.externalPath == nil)
  }

  @Test func externalWeightsLieAlignedInASecondFile() throws {
    let directory = try TemporaryDirectory()
    let report = try OnnxWriter.write(
      try Self.graph(), to: directory.path("a.onnx"), .init(usesExternalData: true))
    #expect(report.externalPath == directory.path("a.onnx.data"))
    let document = try OnnxWriter.document(try Self.graph(), .init())
    let large = document.graph.initializers.filter { $0.tensor.byteCount >= 1024 }
    let expected = large.reduce(0) { $0 + ($1.tensor.byteCount + 63) / 64 * 64 }
    let data = try Data(contentsOf: URL(fileURLWithPath: directory.path("a.onnx.data")))
    #expect(data.count == expected)
    let first = try #require(large.first)
    #expect(first.tensor.withUnsafeBytes { Data($0) } == data.prefix(first.tensor.byteCount))
  }

  @Test func unknownOperatorSetsAreRefused() throws {
    let graph = try Self.graph()
    for opset in [16, 29] {
      expectRefusal("opset \(opset)", "onnx.opset") { _ = try OnnxWriter.document(graph, .init(opset: opset)) }
    }
  }
}

extension OnnxNode {
  fileprivate var bodies: [OnnxGraph] {
    attributes.compactMap { if case .graph(let graph) = $0.value { graph } else { nil } }
  }
}
