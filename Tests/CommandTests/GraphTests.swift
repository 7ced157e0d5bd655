import Foundation
import Imaging
import NumpyArchives
import NumpyFormat
import Tensors
import TestSupport
import Testing

@Suite("evssm run and bench, graphs node by node")
struct GraphTests {
  /// y = x + b, x: float32[3, 4, 5], b: float32[5].
  private static let sum = Fixtures.path("onnx/test_add_bcast/model.onnx")

  private func operands() throws -> (x: Tensor, b: Tensor, expected: [Float]) {
    let x = (0..<60).map { Float($0) * 0.25 - 3 }
    let b: [Float] = [1, -2, 0.5, 8, -0.125]
    let tensors = (try Tensor(shape: [3, 4, 5], floats: x), try Tensor(shape: [5], floats: b))
    return (tensors.0, tensors.1, x.indices.map { x[$0] + b[$0 % 5] })
  }

  @Test("arrays come from .npy and .npz files and go to them")
  func arrays() throws {
    let directory = try TemporaryDirectory()
    let (x, b, expected) = try operands()
    let names = try inputNames(directory)
    let (first, second) = (directory.path("x.npy"), directory.path("b.npy"))
    try NumpyFile.write(x, to: first)
    try NumpyFile.write(b, to: second)
    let archive = directory.path("in.npz")
    try NumpyArchive.write([(names[1], b), (names[0], x)], to: archive)
    let ways = [
      [first, second], [archive], ["--input", "\(names[1])=\(second)", first],
      ["--input", "\(names[0])=\(first)", "--input", "\(names[1])=\(second)"],
    ]
    for (number, way) in ways.enumerated() {
      for output in [directory.path("out\(number).npz"), directory.path("out\(number).npy")] {
        let outcome = try CommandLineTool.run(["run", Self.sum] + way + ["-o", output])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let results =
          output.hasSuffix("npz")
          ? try NumpyArchive.read(path: output).map(\.tensor) : [try NumpyFile.read(path: output)]
        #expect(results.count == 1 && results[0].shape == [3, 4, 5] && results[0].floats() == expected)
      }
    }
  }

  @Test("arrays that do not fit are named")
  func wrongArrays() throws {
    let directory = try TemporaryDirectory()
    let (x, b, _) = try operands()
    let (first, second) = (directory.path("x.npy"), directory.path("b.npy"))
    try NumpyFile.write(x, to: first)
    try NumpyFile.write(b, to: second)
    let archive = directory.path("in.npz")
    try NumpyArchive.write([("nobody", x)], to: archive)
    let cases: [(arguments: [String], code: String)] = [
      ([first], "run.input"), ([first, second, first], "run.input"), ([archive], "run.input"),
      (["--input", "nobody=\(first)", second], "run.input"), ([second, first], "runtime.input"),
    ]
    for (arguments, code) in cases {
      let outcome = try CommandLineTool.run(["run", Self.sum] + arguments + ["-o", directory.path("out.npz")])
      #expect(outcome.status != 0 && outcome.errors.contains("[\(code)]"), "\(arguments): \(outcome.errors)")
    }
    #expect(try !directory.contents().contains("out.npz"))
  }

  @Test("bench takes graphs, and says which steps take the time")
  func bench() throws {
    let directory = try TemporaryDirectory()
    let plan = directory.path("net.plan")
    let model = Fixtures.path("onnx/nafnet-dynamo/model.onnx")
    let compiled = try CommandLineTool.run(["compile", model, "-o", plan])
    try #require(compiled.status == 0, "\(compiled.errors)")
    for file in [plan, model] {
      let arguments = ["bench", file, "--size", "64x48", "--threads", "2", "--runs", "2", "--profile"]
      let json = try CommandLineTool.run(arguments + ["--json"]).json()
      #expect(json["inputs"] as? [[Int]] == [[1, 3, 48, 64]])
      let steps = try #require(json["steps"] as? [[String: Any]])
      let wall = try #require(json["profiled_s"] as? Double)
      let sum = try steps.reduce(0) { try $0 + #require(($1["seconds"] as? NSNumber)?.doubleValue) }
      #expect(steps.count > 10 && sum > 0.5 * wall && sum <= wall, "\(steps.count) steps, \(sum) s of \(wall) s")
      let table = try CommandLineTool.run(arguments)
      #expect(table.status == 0 && table.output.contains("operation") && table.output.contains("Conv"))
    }
    let trace = try CommandLineTool.run(["bench", plan, "--size", "64x48", "--trace", directory.path("trace.json")])
    #expect(trace.status == 64 && trace.errors.contains("[bench.option]"), "\(trace.errors)")
  }

  /// The names of the inputs, from `inspect`.
  private func inputNames(_ directory: TemporaryDirectory) throws -> [String] {
    let json = try CommandLineTool.run(["inspect", Self.sum, "--json"]).json()
    let inputs = try #require(json["inputs"] as? [[String: Any]])
    return try inputs.map { try #require($0["name"] as? String) }
  }
}
